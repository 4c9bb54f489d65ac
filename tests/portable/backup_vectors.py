"""The known answers of what a backup seals and hashes, on either runtime: made by other software from the page."""

from daric_protocol import recoverycode
from daric_protocol.identity import Identity
from daric_protocol.rounds import backup
from daric_protocol.rounds.backup import BackupSheet
from protocol_rounds import draws, expect, number, raw


def check_sealed(case):
    given, answers = case["in"], case["out"]
    sheet = BackupSheet.decode(raw(given["sheet"]))
    assert sheet.encode() == raw(given["sheet"])
    expect(answers, name=sheet.hash())

    code = recoverycode.new_code(draws([raw(given["code_bytes"])]))
    check = recoverycode.check_value(recoverycode.shown(code).lower(), sheet.backup_id)
    assert code == answers["code"]
    expect(answers, C=check)
    expect(answers, mac=recoverycode.release_mac(check, raw(given["uuid"]), raw(given["new"]), sheet.backup_id))

    device, cloud = Identity(number(given["device"])), given["cloud"]
    pieces = {}
    for m, receiver in sheet.holders:
        piece, more = number(given["pieces"][str(m)]), check if m == cloud else b""
        random = draws([raw(given["ephemerals"][str(m)])])
        pieces[m] = backup.seal_piece(device, receiver, sheet, m, piece, random, more)
        expect(answers["sealed"], **{str(m): pieces[m]})
        holder = Identity(number(given["holders"][str(m)]))
        assert backup.open_piece(holder, device.public, sheet, m, pieces[m]) == (piece, more)
        backup.check_piece(sheet, sheet.commitments[0], m, piece)

    first = sheet.numbers()[0]
    piece = number(given["pieces"][str(first)])
    proof = backup.prove(sheet, first, piece, raw(given["challenge"]), draws([raw(given["k"])]))
    expect(answers, proof=proof)
    assert backup.check_proof(sheet, first, raw(given["challenge"]), proof)

    if cloud:
        del pieces[first]
        others = backup.seal_others(
            device, sheet.identity_of(cloud), sheet, pieces, draws([raw(given["others_ephemeral"])])
        )
        expect(answers, others=others)
        holder = Identity(number(given["holders"][str(cloud)]))
        assert backup.open_others(holder, device.public, sheet, others) == pieces


CHECKS = {"protocol/backup_sealed": check_sealed}
