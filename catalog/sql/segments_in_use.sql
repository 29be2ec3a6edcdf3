SELECT DISTINCT segment FROM blocks WHERE segment <> '' AND segment IN ({?})
