package duck

import (
	"maps"
	"testing"
	"testing/fstest"

	"github.com/micromegas-go/micromegas/internal/fault"
	"github.com/micromegas-go/micromegas/query"
)

// A query that only waits to be read gives its memory back when the guard ends it.
func TestEvict(t *testing.T) {
	e, err := Open(Options{TempDir: t.TempDir(), Threads: 2, MaxConcurrent: 2, Warm: 1})
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	opened, err := e.Session(t.Context(), "slow")
	if err != nil {
		t.Fatal(err)
	}
	s := opened.(*session)
	defer s.Close()
	if err := s.Attach(t.Context(), query.Attachment{}); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Prepare(t.Context(), "SELECT repeat('x', 1000) || i AS x FROM range(50000) t(i) ORDER BY x"); err != nil {
		t.Fatal(err)
	}
	rows, err := s.Run(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Release()
	if !rows.Next() {
		t.Fatal(rows.Err())
	}
	held := s.instance.account.used()
	why := fault.New(fault.Exhausted, "the server is short of memory")
	if !s.evict(why) || s.evict(why) {
		t.Error("a query is ended once")
	}
	if rows.Next() || fault.Of(rows.Err()) != why { // waits for what lets go
		t.Errorf("after that its rows go on, or end with %v", rows.Err())
	}
	rows.(*reader).shed()
	if now := s.instance.account.used(); held > 0 && now > held/2 {
		t.Errorf("the query held %d bytes, and holds %d", held, now)
	}
	if _, err := s.Run(t.Context()); fault.Of(err) != why {
		t.Errorf("it runs again: %v", err)
	}
	t.Logf("held %d bytes, then %d", held, s.instance.account.used())
}

func TestHeadroom(t *testing.T) {
	const mib = 1 << 20
	machine := fstest.MapFS{
		"proc/meminfo":     {Data: []byte("MemTotal:       1048576 kB\nMemFree:  1 kB\nMemAvailable:    524288 kB\n")},
		"proc/self/status": {Data: []byte("Name:\tx\nRssAnon:\t  102400 kB\nRssFile:\t 999999 kB\nRssShmem:\t 0 kB\n")},
	}
	with := func(more fstest.MapFS) host {
		all := fstest.MapFS{}
		for _, m := range []fstest.MapFS{machine, more} {
			maps.Copy(all, m)
		}
		return host{all}
	}
	file := func(text string) *fstest.MapFile { return &fstest.MapFile{Data: []byte(text)} }
	part := func(limit, used int64) int64 { return limit*mib - limit*mib*reserve/100 - used*mib }
	for name, tc := range map[string]struct {
		host host
		own  int64
		want int64
	}{
		"machine": {with(nil), 0, part(1024, 512)},
		"process": {with(nil), 200 * mib, part(200, 100)},
		"version 2": {with(fstest.MapFS{
			"proc/self/cgroup": file("0::/system.slice/m.service\n"),
			"sys/fs/cgroup/system.slice/m.service/memory.max":  file("314572800\n"),
			"sys/fs/cgroup/system.slice/m.service/memory.stat": file("anon 104857600\nfile 209715200\nkernel 1048576\nshmem 0\n"),
			"sys/fs/cgroup/system.slice/memory.max":            file("max\n"),
		}), 0, part(300, 101)},
		"version 2, the group around": {with(fstest.MapFS{
			"proc/self/cgroup":             file("0::/a/b\n"),
			"sys/fs/cgroup/a/b/memory.max": file("max\n"),
			"sys/fs/cgroup/a/memory.max":   file("209715200\n"),
			"sys/fs/cgroup/a/memory.stat":  file("anon 209715200\n"),
		}), 0, part(200, 200)},
		"version 1": {with(fstest.MapFS{
			"proc/self/cgroup":                           file("9:name=systemd:/\n4:memory:/docker/x\n1:cpu:/\n"),
			"sys/fs/cgroup/memory/memory.limit_in_bytes": file("104857600\n"),
			"sys/fs/cgroup/memory/memory.stat":           file("cache 5\nrss 1\ntotal_rss 52428800\n"),
		}), 0, part(100, 50)},
		"no limit": {with(fstest.MapFS{
			"proc/self/cgroup": file("4:memory:/\n"), "sys/fs/cgroup/memory/memory.limit_in_bytes": file("9223372036854771712\n"),
		}), 0, part(1024, 512)},
	} {
		if got := tc.host.headroom(tc.own); got != tc.want {
			t.Errorf("%s: %d, want %d", name, got, tc.want)
		}
	}
	if got := (host{fstest.MapFS{}}).headroom(100); got < 1<<60 {
		t.Errorf("nothing known: %d", got)
	}
}
