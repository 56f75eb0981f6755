"""All programs under load."""

from reliability.programs.loads import builds, gdb, git, languages, memcached, nginx, postgresql, redis, ruby, sqlite3

ROWS = (
    postgresql.ROW,
    redis.ROW,
    nginx.ROW,
    memcached.ROW,
    sqlite3.ROW,
    git.ROW,
    gdb.ROW,
    ruby.ROW,
    *languages.ROWS,
    *builds.ROWS,
)
