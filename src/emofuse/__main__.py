"""``python -m emofuse``, which is also how torchrun starts it."""

from emofuse.apps.cli import main

if __name__ == "__main__":
    main()
