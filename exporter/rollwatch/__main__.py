"""`python -m rollwatch` is `rollwatch`."""

from rollwatch.cli import main

if __name__ == "__main__":
    main()
