"""Make generator.bin, the comb table of the generator of secp256k1 (daric_protocol/comb.py says what is in it).

The file is a function of the curve alone: running this again writes the same bytes, and tests/test_curve.py compares
every entry with libsecp256k1.
"""

from pathlib import Path

import daric_protocol
from daric_protocol import comb, curve


def main() -> None:
    path = Path(daric_protocol.__file__).with_name("generator.bin")
    path.write_bytes(comb.build(curve.G, comb.GENERATOR))
    print(f"{path.name}: {path.stat().st_size} bytes")


if __name__ == "__main__":
    main()
