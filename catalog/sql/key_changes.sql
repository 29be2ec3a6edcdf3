SELECT revision, imported FROM api_key_changes
