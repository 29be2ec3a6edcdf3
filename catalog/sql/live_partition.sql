SELECT partition_no FROM partitions WHERE partition_id = ? AND retired_at IS NULL AND owner = ?
--pg: FOR UPDATE
