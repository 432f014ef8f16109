"""Rules broken on purpose, one change at a time: do their tests notice?"""
