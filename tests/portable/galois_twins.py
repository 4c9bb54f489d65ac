"""MicroPython only: the column hashes in machine code against the plain ones. Prints `same`."""

from hashlib import sha256


def columns(count):
    return b"".join([(sha256(b"column" + bytes([n])).digest() * 3)[:68] for n in range(count)])


def main():
    from daric_protocol.platform.galois import column_hashes as plain
    from daric_protocol.platform.galois_viper import column_hashes as machine_code

    edges = [bytes(16), b"\xff" * 16, b"\x01" + bytes(15), bytes(15) + b"\x80"]
    for count in (1, 2, 9, 16, 17, 128):
        for weights in (edges, [sha256(bytes([n])).digest()[:16] for n in range(4)]):
            for data in (columns(count), bytes(68 * count), b"\xff" * (68 * count)):
                assert plain(weights, data) == machine_code(weights, data)
    print("same")


if __name__ == "__main__":
    main()
