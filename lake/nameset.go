package lake

import "sync"

// nameSet remembers names, up to a bound; beyond it the memory starts anew. The zero value is ready.
type nameSet struct {
	mu    sync.Mutex
	names map[string]struct{}
}

const maxNames = 100_000

func (s *nameSet) has(name string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	_, ok := s.names[name]
	return ok
}

func (s *nameSet) add(name string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.names == nil || len(s.names) >= maxNames {
		s.names = make(map[string]struct{})
	}
	s.names[name] = struct{}{}
}
