"""What our own MicroPython runs first, in place of a port's _boot.py: a production build mounts nothing here.

The stock one of RP2 formats the whole storage area on any mount error. The loader mounts the code, the vault its files.
"""
