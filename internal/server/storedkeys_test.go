package server_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/micromegas-go/micromegas/auth"
	"github.com/micromegas-go/micromegas/auth/storedkey"
	"github.com/micromegas-go/micromegas/catalog"
	"github.com/micromegas-go/micromegas/internal/server"
	"github.com/micromegas-go/micromegas/keyadmin"
)

// request sends one with a key and returns status and body.
func request(t *testing.T, method, url string, key auth.Secret, body []byte) (status int, text []byte) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, url, bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+string(key))
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err = io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, text
}

// openKeys opens the keys of the lake in dir, as the command line does beside a running server.
func openKeys(t *testing.T, dir string) *keyadmin.Keys {
	t.Helper()
	db, err := server.OpenCatalog(t.Context(), dir, true, environment())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	return keyadmin.New(db, keyadmin.Options{})
}

// With a live key in the catalog a server starts without the variables; with none that is live it does not (§30.2).
func TestOnlyStoredKeys(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "lake")
	keys := openKeys(t, dir)
	old, _, err := keys.Mint(t.Context(), keyadmin.Spec{Name: "old", Roles: auth.RoleWriter}, "test")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := keys.Revoke(t.Context(), old.ID, "test"); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	err = server.Run(ctx, ingestionOnly, []string{"--data-dir", dir}, environment(auth.EnvAPIKeys, ""), io.Discard, io.Discard)
	if !errors.Is(err, auth.ErrNoMethod) || !strings.Contains(err.Error(), "micromegas keys") {
		t.Errorf("with a revoked key alone: Run = %v, want %v", err, auth.ErrNoMethod)
	}

	_, text, err := keys.Mint(t.Context(), keyadmin.Spec{Name: "w", Roles: auth.RoleWriter}, "test")
	if err != nil {
		t.Fatal(err)
	}
	p := startProgram(t, ingestionOnly, dir, environment(auth.EnvAPIKeys, "")).listening()
	defer http.DefaultClient.CloseIdleConnections()
	if status, body := request(t, "POST", "http://"+p.addr+"/ingestion/insert_process", text, processBody()); status != 200 {
		t.Errorf("insert_process = %d %s", status, body)
	}
	if status, _ := request(t, "POST", "http://"+p.addr+"/ingestion/insert_process", key, processBody()); status != 401 {
		t.Errorf("with a key that is not configured: %d", status)
	}
	p.stop()
	p.await("drain completed")
	if err := <-p.ended; err != nil {
		t.Error(err)
	}
	list, err := keys.List(t.Context(), catalog.KeyFilter{Live: true})
	if err != nil || len(list) != 1 || list[0].LastUsed == 0 {
		t.Errorf("B29 the use is not recorded at the end: %+v, %v", list, err)
	}
}

// A key is made, used and revoked through a server that runs (B28). An administrator does it over HTTP.
func TestStoredKeysOfARunningServer(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "lake")
	p := startProgram(t, ingestionOnly, dir, environment(auth.EnvAPIKeys, doorsKeys)).listening()
	defer http.DefaultClient.CloseIdleConnections()
	admin := "http://" + p.addr + "/api/ingestion-api-keys"
	insert := func(key auth.Secret) int {
		t.Helper()
		status, _ := request(t, "POST", "http://"+p.addr+"/ingestion/insert_process", key, processBody())
		return status
	}
	if status, body := request(t, "POST", admin, writerKey, []byte(`{"name":"x"}`)); status != 403 || !strings.Contains(string(body), auth.EnvAdmins) {
		t.Errorf("a writer makes a key: %d %s", status, body)
	}
	status, body := request(t, "POST", admin, rootKey, []byte(`{"name":"robot"}`))
	var made struct {
		Key auth.Secret `json:"-"`
		Raw string      `json:"key"`
		ID  string      `json:"key_id"`
	}
	if err := json.Unmarshal(body, &made); err != nil || status != 201 {
		t.Fatalf("create = %d, %v", status, err)
	}
	made.Key = auth.Secret(made.Raw)
	if got := insert(made.Key); got != 200 {
		t.Errorf("the new key = %d", got)
	}
	if line := p.await("API key created"); line["by"] != "key:root" || line["key_name"] != "robot" || line["component"] != "keyadmin" {
		t.Errorf("audit %v", line)
	}
	if status, _ := request(t, "GET", admin, made.Key, nil); status != 403 {
		t.Errorf("a stored writer key lists keys: %d", status)
	}

	// From beside the server, as the command line does.
	keys := openKeys(t, dir)
	list, err := keys.List(t.Context(), catalog.KeyFilter{Name: "robot"})
	if err != nil || len(list) != 1 || list[0].ID.String() != made.ID {
		t.Fatalf("List = %+v, %v", list, err)
	}
	if _, err := keys.Revoke(t.Context(), list[0].ID, "test"); err != nil {
		t.Fatal(err)
	}
	begin := time.Now()
	for insert(made.Key) != 401 {
		if since := time.Since(begin); since > 30*time.Second { // of a busy machine
			t.Fatalf("the revoked key works after %s", since)
		}
	}
	if since := time.Since(begin); since > storedkey.ChangesWithin {
		t.Logf("the revoked key worked for %s", since)
	}
	p.stop()
	p.await("drain completed")
	if err := <-p.ended; err != nil {
		t.Error(err)
	}
}

func TestOpenCatalog(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "lake")
	if _, err := server.OpenCatalog(t.Context(), dir, false, environment()); err == nil || !strings.Contains(err.Error(), "there is no catalog at "+dir) {
		t.Errorf("without create: %v", err)
	}
	if _, err := os.Stat(dir); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the data folder exists: %v", err)
	}
	const secret = "hunter2"
	if _, err := server.OpenCatalog(t.Context(), "", true, environment(server.EnvSQL, "mysql://root:"+secret+"@db/x")); err == nil || strings.Contains(err.Error(), secret) {
		t.Errorf("of another database: %v", err)
	}
	for _, create := range []bool{true, false} {
		db, err := server.OpenCatalog(t.Context(), "", create, environment(server.EnvDataDir, dir))
		if err != nil {
			t.Fatal(err)
		}
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	}
}
