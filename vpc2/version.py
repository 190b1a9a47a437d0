"""The version of this program, written here and nowhere else: the build, the pages and saved files read it."""

VERSION = "1.2.1"
APP = f"vpc2 {VERSION}"  # how files that are saved name what made them; whoever reads them ignores it
MADE_WITH = f"# Made with {APP}.\n"  # the first line of exported scripts
