"""The known answers of what keeps a key for longer than a session: phrases, on either runtime."""

from daric_protocol import entropyparts
from daric_protocol.tagged import scalar
from protocol_rounds import draws, raw


def check_entropy(case):
    given, answers = case["in"], case["out"]
    entropy = raw(given["entropy"])
    scalars = entropyparts.split(entropy, draws([raw(fill) for fill in given["fill"]]))
    assert [scalar(value).hex() for value in scalars] == answers["scalars"]
    assert entropyparts.join(scalars) == entropy
    assert entropyparts.count(len(entropy)) == len(scalars)


CHECKS = {
    "protocol/entropy": check_entropy,
}
