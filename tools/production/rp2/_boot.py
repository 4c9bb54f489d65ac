"""What our own MicroPython runs first on a Pico, in place of the port's _boot.py, which formats on any mount error.

A production image mounts nothing here: its code is frozen or in the code slots, the vault mounts its own files.
"""
