"""Make Rucio's schema, and the account root, in an empty database. Runs in Rucio's own Python."""

from rucio.db.sqla.util import build_database, create_base_vo, create_root_account

build_database()
create_base_vo()
create_root_account()
