# What is frozen: boot.py, main.py, the loader, the code flash of the board and what says that this build is ours.
# The firmware itself is the image that c/daric_image.c holds, and newer ones in the code slots.
freeze("$(BOARD_DIR)/../frozen", opt=3)  # noqa: F821 - given by the build
