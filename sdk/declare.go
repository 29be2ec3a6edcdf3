package sdk

import (
	"runtime"
	"strings"

	"github.com/micromegas-go/micromegas/wire"
)

// What a program declares belongs to the program and not to a recorder, as its code does: package variables are declared
// before anything is started, and each recorder may record them. So these tables are the package's own.
var (
	targets  table[string]
	metrics  table[wire.MetricDesc]
	spans    table[wire.SpanDesc]
	messages table[message]
)

// message is a log entry with a constant text.
type message struct {
	target uint32
	level  Level
	text   string
}

// Declaration changes what a declared metric, span or message says about itself.
type Declaration func(*place)

// InTarget sets the target. By default it is the path of the package that declares.
func InTarget(target string) Declaration { return func(p *place) { p.target = target } }

// place is where something was declared.
type place struct {
	target, file string
	line         uint32
}

// caller describes the place skip calls above its caller.
func caller(skip int, with []Declaration) place {
	var p place
	if pc, file, line, ok := runtime.Caller(skip + 1); ok {
		// Of the file the name alone: the folders of the machine it was built on concern nobody.
		p = place{target: packageOf(runtime.FuncForPC(pc).Name()), file: file[strings.LastIndexByte(file, '/')+1:], line: uint32(line)}
	}
	for _, d := range with {
		d(&p)
	}
	return p
}

// packageOf cuts the path of the package from the full name of a function: example.com/a/b.(*T).F is in example.com/a/b.
func packageOf(function string) string {
	slash := strings.LastIndexByte(function, '/')
	if dot := strings.IndexByte(function[slash+1:], '.'); dot >= 0 {
		return function[:slash+1+dot]
	}
	return function
}

// lod is the level of detail that everything is declared with; servers do not use it.
const lod = 2
