DELETE FROM dropped WHERE block_no IN ({?})
