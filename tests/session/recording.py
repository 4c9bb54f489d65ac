"""Records what one party of a session is told and what it sends, for a replay elsewhere (tests/portable)."""

from daric_protocol import flows, platform

from tests.session.parties import Party, Wallet, creation, message


class Recorder:
    """A Session whose calls are written down."""

    def __init__(self, session):
        self._session = session
        self._calls = []

    def __getattr__(self, name):
        return getattr(self._session, name)

    def _note(self, kind, seat, data):
        self._calls.append(kind + bytes([seat]) + len(data).to_bytes(4, "big") + data)

    def start(self, joins):
        self._note(b"s", 0, platform.cbor_encode(joins))
        return self._session.start(joins)

    def confirm(self):
        self._note(b"c", 0, b"")
        self._session.confirm()

    def receive(self, seat, frame):
        self._note(b"r", seat, frame)
        return self._session.receive(seat, frame)

    def send(self):
        sent = self._session.send()
        self._note(b"o", 0, b"" if sent is None else platform.sha256(sent[1]))
        return sent

    def write(self, directory, number):
        (directory / f"terms-{number}").write_bytes(self._session.terms.encode())
        (directory / f"calls-{number}").write_bytes(b"".join(self._calls))


def record(network, seat):
    """Put a recorder in place of a session of a network that has not started."""
    recorder = Recorder(network.sessions[seat])
    network.sessions[seat] = network.pumps[seat].session = recorder
    return recorder


def record_wallet(directory, threshold, parties):
    """Create a group and sign once with the first `threshold` members; write down party 0's side."""
    everyone = [Party(f"recorded {number}") for number in range(parties)]
    recorders = []
    network, terms = creation(everyone, threshold)
    recorders.append(record(network, 0))
    network.start().confirm().run()
    assert network.states() == ["done"] * parties
    wallet = Wallet(everyone, terms.group)
    me = everyone[0].custody.shard(terms.group).me
    others = [index for index in wallet.parties if index != me]
    signers = sorted([me, *others[: threshold - 1]])
    network = wallet.network(signers, message("recorded"))
    recorders.append(record(network, signers.index(me)))
    network.start().confirm().run()
    assert network.states() == ["done"] * threshold
    write_all(directory, recorders)


def record_changes(directory):
    """Party 0's side of a 2-of-3 creation, a refresh, an added member, an enrolled one, and an export to itself."""
    everyone = [Party(f"recorded {number}") for number in range(3)]
    network, terms = creation(everyone, 2)
    recorders = [record(network, 0)]
    _finish(network)
    wallet = Wallet(everyone, terms.group)
    me = everyone[0].custody.shard(terms.group).me

    def step(network, seat):
        recorders.append(record(network, seat))
        _finish(network)

    seat = sorted(wallet.parties).index(me)
    step(wallet.change(flows.refresh_terms(wallet.uuid(), terms.group, wallet.roster)), seat)
    wallet = wallet.after(everyone)
    everyone.append(Party("newcomer"))
    step(wallet.change(wallet.reshare_terms(3, 1), everyone[3:]), seat)
    wallet = wallet.after(everyone)
    helpers = sorted([me, *[index for index in wallet.parties if index != me][:2]])
    everyone.append(Party("enrolled"))
    terms = flows.enrol_terms(wallet.uuid(), everyone[0].custody, terms.group, helpers)
    step(wallet.change(terms, everyone[4:]), helpers.index(me))
    wallet = wallet.after([wallet.parties[index] for index in helpers])
    members = sorted([me, *[index for index in wallet.parties if index != me][:2]])
    export = flows.export_terms(wallet.uuid(), terms.group, wallet.roster, members, me, "replay")
    step(wallet.change(export), members.index(me))
    write_all(directory, recorders)


def _finish(network):
    network.start().confirm().run()
    assert set(network.states()) == {"done"}, network.errors()


def write_all(directory, recorders):
    """The files of a replay."""
    (directory / "store").mkdir()
    (directory / "seed").write_bytes(repr(("recorded 0", 1)).encode().ljust(48, b"."))
    for number, recorder in enumerate(recorders):
        recorder.write(directory, number)
