"""Second file a board runs: the device itself. It ends in a reset, or at the prompt by a maintenance exit."""

while True:  # as in boot.py: the port has allowed interrupts again
    try:
        import micropython

        micropython.kbd_intr(-1)
        for _ in (0, 1):
            pass
        break
    except KeyboardInterrupt:  # came in the first microseconds; from now on none can
        pass
    except AttributeError:  # CPython
        break

try:
    from daric.app import run

    run()
except SystemExit:
    raise
except BaseException as error:  # noqa: BLE001 - nothing may lead to a prompt
    try:
        from daric.board.this import board

        board().crashed(error)
    except BaseException:  # noqa: BLE001, S110 - there is nothing left but the reset
        pass
    raise SystemExit(3)  # a soft reset at a board
