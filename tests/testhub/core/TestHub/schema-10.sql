
-- What the tables of a 10 have beyond those of schema.sql.

ALTER TABLE channel ADD COLUMN channel_epubkey TEXT NOT NULL DEFAULT '';
ALTER TABLE channel ADD COLUMN channel_eprvkey TEXT NOT NULL DEFAULT '';
ALTER TABLE xchan ADD COLUMN xchan_epubkey TEXT NOT NULL DEFAULT '';
