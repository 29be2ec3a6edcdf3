package denylist

import "github.com/micromegas-go/micromegas/query"

// Request is what rules look at. Absent attributes are "" and NULL for rules.
type Request struct {
	UserID, Email, ServiceAccount     string
	Client, Agent, Entrypoint         string
	Session, Notebook, Cell, ClientIP string
	SQL, SQLHash                      string

	bared *Request // see bare
}

// bare is the request with its statement's bare text: r itself when that is no other. It is found once, when a rule wants it.
func (r *Request) bare() *Request {
	if r.bared == nil {
		r.bared = r
		if text := query.Bare(r.SQL); text != r.SQL {
			other := *r
			other.SQL = text
			r.bared = &other
		}
	}
	return r.bared
}

// Columns are the names of the attributes.
func Columns() []string {
	return []string{
		"user_id", "email", "service_account", "client", "agent", "entrypoint", "session", "notebook", "cell", "client_ip", "sql", "sql_hash",
	}
}

// attribute returns how to read a column; nil when there is none of the name.
func attribute(name string) func(*Request) string {
	switch name {
	case "user_id":
		return func(r *Request) string { return r.UserID }
	case "email":
		return func(r *Request) string { return r.Email }
	case "service_account":
		return func(r *Request) string { return r.ServiceAccount }
	case "client":
		return func(r *Request) string { return r.Client }
	case "agent":
		return func(r *Request) string { return r.Agent }
	case "entrypoint":
		return func(r *Request) string { return r.Entrypoint }
	case "session":
		return func(r *Request) string { return r.Session }
	case "notebook":
		return func(r *Request) string { return r.Notebook }
	case "cell":
		return func(r *Request) string { return r.Cell }
	case "client_ip":
		return func(r *Request) string { return r.ClientIP }
	case "sql":
		return func(r *Request) string { return r.SQL }
	case "sql_hash":
		return func(r *Request) string { return r.SQLHash }
	}
	return nil
}
