"""hal policies."""
from hal.cli.output import AsJson

def command(*, as_json: AsJson = False) -> None:
    """List the policies."""
    print("x", as_json)
