SELECT file FROM partitions WHERE file <> '' AND file IN ({?})
