// Package sdkhttp opens a span for each HTTP request, on both sides, and carries W3C trace context from one process to the
// next (https://www.w3.org/TR/trace-context/).
//
//	http.ListenAndServe(addr, sdkhttp.Handler(mux, sdkhttp.Options{}))
//	client := &http.Client{Transport: sdkhttp.Transport(nil, sdkhttp.Options{})}
//
// A span ends with the properties trace_id, span_id and parent_span_id, in the hexadecimal form of the headers, and what is
// known of request and answer: method, route, path, host, status, bytes, error. Spans of several processes that belong
// together have the same trace_id; parent_span_id of one is span_id of the other.
//
// The span of a server's request is named "HTTP GET", or after the pattern, "GET /users/{id}", where the handler stands
// inside the ServeMux that knows it; a pattern that a ServeMux inside finds is the property route. Query strings are never recorded.
package sdkhttp
