package dir

// UseNamedFiles makes b write as on systems without O_TMPFILE.
func (b *Bucket) UseNamedFiles() { b.named.Store(true) }
