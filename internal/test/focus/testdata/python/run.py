"""Runs the validator of the FinOps Foundation: run.py FOLDER FLAGS, its own flags. FOLDER gets its log.

It reads its list of currencies from the folder in which it runs, so FOLDER gets a link to the package. And it needs Python 3.12 for one
text in quotes within quotes, which is put as older ones read it.
"""

import importlib.machinery
import importlib.util
import os
import sys

sys.dont_write_bytecode = True
folder, sys.argv = sys.argv[1], ["focus-validator", *sys.argv[2:]]

NEW_QUOTES = rb"""f"'{k.replace('\"', '\"\"')}'" for"""
OLD_QUOTES = b"""(chr(39) + k.replace('"', '""') + chr(39)) for"""

if sys.version_info < (3, 12):
    compiled = importlib.machinery.SourceFileLoader.source_to_code

    def source_to_code(self, data, path, **options):
        return compiled(self, data.replace(NEW_QUOTES, OLD_QUOTES), path, **options)

    importlib.machinery.SourceFileLoader.source_to_code = source_to_code

os.chdir(folder)
if not os.path.lexists("focus_validator"):
    os.symlink(importlib.util.find_spec("focus_validator").submodule_search_locations[0], "focus_validator")

from focus_validator.main import main  # noqa: E402

main()
