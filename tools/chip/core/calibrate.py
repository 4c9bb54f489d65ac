"""Known costs, as the core's clock measures them: a line "name microseconds" of each. Runs on MicroPython alone."""

import gc
import time
from hashlib import sha256

from cryptolib import aes

TIMES = 20
P = 2**256 - 2**32 - 977
X, Y = 0x79BE667EF9DCBBAC55A06295CE870B07029BFCDB2DCE28D959F2815B16F81798, P - 3


def measure(name, work, times=TIMES):
    """Print how long `work` takes on average, the call included."""
    begin = time.ticks_us()
    for _ in range(times):
        work()
    print(name, time.ticks_diff(time.ticks_us(), begin) / times)


def run():
    print("free", gc.mem_free())
    gc.threshold(-1)
    cipher, block, kibibyte = aes(bytes(16), 1), bytearray(16), bytearray(1024)
    data = bytes(64)
    measure("sha256", lambda: sha256(data).digest())
    measure("block", lambda: cipher.encrypt(block, block))
    measure("kibibyte", lambda: cipher.encrypt(kibibyte, kibibyte))
    measure("product", lambda: X * Y % P)
    measure("inverse", lambda: pow(X, P - 2, P), 1)
