SELECT DISTINCT segment FROM staged WHERE segment <> '' AND segment IN ({?})
