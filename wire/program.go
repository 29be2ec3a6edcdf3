package wire

import (
	"errors"
	"fmt"

	"github.com/micromegas-go/micromegas/telemetry"
)

// op says how events of a type are read.
type op uint8

const (
	opSkip op = iota
	opBroken

	// Log entries, see logevent.go.
	opLogStatic        // desc, time
	opLogStaticInterop // target, msg, time, level
	opLogTagged        // desc, properties, time; the text is verbatim
	opLogTemplate      // the same; the text is a template
	opLogString        // dynamic: desc, time, msg
	opLogOldString     // dynamic: desc, time, rest is msg
	opLogTaggedString  // dynamic: desc, properties, time, msg
	opLogInterop       // dynamic: time, u8 level, target reference, msg
	opLogOldInterop    // dynamic: time, u32 level, target reference, rest is msg
	opLogTaggedInterop // dynamic: time, u8 level, target reference, properties, msg
	opMetric           // desc, value, time; perhaps properties
	opSpan             // a thread span's edge
	opAsyncSpan        // an async span's edge
	opNetBegin         // time, a name; of a connection also is_outgoing
	opNetEnd           // time, bit_size
	opNetProperty      // time, a name, bit_size
	opImage            // dynamic: time, name, format, bytes
)

// program is a compiled event type.
type program struct {
	op   op
	kind Kind
	name string
	err  error // of opBroken

	time, desc, properties       slot
	value                        slot
	level, target, msg           slot
	label                        slot // a span's own name
	spanID, parentSpanID, depth  slot
	bits, outgoing               slot
	referenceOff, referenceBytes uint32 // of the string reference within dynamic events
}

// shape is what is known about an event type by its name.
type shape struct {
	op      op
	kind    Kind
	dynamic bool
	desc    string // name of the member that refers to the metadata record
	named   bool   // has a name of its own
	tagged  bool
	text    string // name of the type of string references in a dynamic event
	label   string // name of the member that holds the name of a network scope or property
}

// shapes are the event types that have a meaning here. Everything else about a type is in the layout.
var shapes = map[string]shape{
	"LogStaticStrEvent":          {op: opLogStatic, kind: KindLog, desc: "desc"},
	"LogStaticStrInteropEvent":   {op: opLogStaticInterop, kind: KindLog},
	"LogStaticStrInteropEventV2": {op: opLogStaticInterop, kind: KindLog},
	"TaggedLogStaticStrEvent":    {op: opLogTagged, kind: KindLog, desc: "desc", tagged: true},
	"TaggedLogTemplateEvent":     {op: opLogTemplate, kind: KindLog, desc: "desc", tagged: true},
	"LogStringEvent":             {op: opLogOldString, kind: KindLog, dynamic: true},
	"LogStringEventV2":           {op: opLogString, kind: KindLog, dynamic: true},
	"TaggedLogString":            {op: opLogTaggedString, kind: KindLog, dynamic: true},
	"LogStringInteropEventV2":    {op: opLogOldInterop, kind: KindLog, dynamic: true, text: "StringId"},
	"LogStringInteropEventV3":    {op: opLogInterop, kind: KindLog, dynamic: true, text: "StaticStringRef"},
	"TaggedLogInteropEvent":      {op: opLogTaggedInterop, kind: KindLog, dynamic: true, text: "StaticStringRef"},

	"IntegerMetricEvent":       {op: opMetric, kind: KindMetric, desc: "desc"},
	"FloatMetricEvent":         {op: opMetric, kind: KindMetric, desc: "desc"},
	"TaggedIntegerMetricEvent": {op: opMetric, kind: KindMetric, desc: "desc", tagged: true},
	"TaggedFloatMetricEvent":   {op: opMetric, kind: KindMetric, desc: "desc", tagged: true},

	"BeginThreadSpanEvent":          {op: opSpan, kind: KindBeginThreadSpan, desc: "thread_span_desc"},
	"EndThreadSpanEvent":            {op: opSpan, kind: KindEndThreadSpan, desc: "thread_span_desc"},
	"TaggedEndThreadSpanEvent":      {op: opSpan, kind: KindEndThreadSpan, desc: "thread_span_desc", tagged: true},
	"BeginThreadNamedSpanEvent":     {op: opSpan, kind: KindBeginThreadSpan, desc: "thread_span_location", named: true},
	"EndThreadNamedSpanEvent":       {op: opSpan, kind: KindEndThreadSpan, desc: "thread_span_location", named: true},
	"BeginThreadDynNamedSpanEvent":  {op: opSpan, kind: KindBeginThreadSpan, desc: "thread_span_location", named: true},
	"EndThreadDynNamedSpanEvent":    {op: opSpan, kind: KindEndThreadSpan, desc: "thread_span_location", named: true},
	"TaggedEndThreadNamedSpanEvent": {op: opSpan, kind: KindEndThreadSpan, desc: "thread_span_location", named: true, tagged: true},

	"BeginAsyncSpanEvent":          {op: opAsyncSpan, kind: KindBeginAsyncSpan, desc: "span_desc"},
	"EndAsyncSpanEvent":            {op: opAsyncSpan, kind: KindEndAsyncSpan, desc: "span_desc"},
	"TaggedEndAsyncSpanEvent":      {op: opAsyncSpan, kind: KindEndAsyncSpan, desc: "span_desc", tagged: true},
	"BeginAsyncNamedSpanEvent":     {op: opAsyncSpan, kind: KindBeginAsyncSpan, desc: "span_location", named: true},
	"EndAsyncNamedSpanEvent":       {op: opAsyncSpan, kind: KindEndAsyncSpan, desc: "span_location", named: true},
	"BeginAsyncDynNamedSpanEvent":  {op: opAsyncSpan, kind: KindBeginAsyncSpan, desc: "span_location", named: true},
	"EndAsyncDynNamedSpanEvent":    {op: opAsyncSpan, kind: KindEndAsyncSpan, desc: "span_location", named: true},
	"TaggedEndAsyncNamedSpanEvent": {op: opAsyncSpan, kind: KindEndAsyncSpan, desc: "span_location", named: true, tagged: true},

	"NetConnectionBeginEvent": {op: opNetBegin, kind: KindBeginConnection, label: "connection_name"},
	"NetConnectionEndEvent":   {op: opNetEnd, kind: KindEndConnection},
	"NetObjectBeginEvent":     {op: opNetBegin, kind: KindBeginNetObject, label: "object_name"},
	"NetObjectEndEvent":       {op: opNetEnd, kind: KindEndNetObject},
	"NetRPCBeginEvent":        {op: opNetBegin, kind: KindBeginRPC, label: "function_name"},
	"NetRPCEndEvent":          {op: opNetEnd, kind: KindEndRPC},
	"NetPropertyEvent":        {op: opNetProperty, kind: KindNetProperty, label: "property_name"},

	"ImageEvent": {op: opImage, kind: KindImage, dynamic: true},
}

func compileEvents(s *schema) []program {
	programs := make([]program, len(s.types))
	for i := range s.types {
		t := &s.types[i]
		sh, known := shapes[t.name]
		if !known {
			continue
		}
		p := &programs[i]
		p.op, p.kind, p.name = sh.op, sh.kind, t.name
		if err := p.compile(s, t, sh); err != nil {
			p.op, p.err = opBroken, err
		}
	}
	return programs
}

func (p *program) compile(s *schema, t *compiledType, sh shape) error {
	if sh.dynamic != (t.size == 0) {
		return fmt.Errorf("the layout gives the type %d bytes", t.size)
	}
	if sh.dynamic {
		if sh.text == "" {
			return nil
		}
		var err error
		p.referenceOff, p.referenceBytes, err = s.reference(sh.text)
		return err
	}

	c := slotFinder{t: t}
	p.time = c.want("time", slot.wide, "an integer of 64 bits")
	if sh.desc != "" {
		p.desc = c.ref(sh.desc)
	}
	if sh.tagged {
		p.properties = c.ref("properties")
	}
	if sh.named {
		p.label = c.ref("name")
	}
	if sh.label != "" {
		p.label = c.ref(sh.label)
	}
	switch sh.op {
	case opLogStaticInterop:
		p.target = c.ref("target")
		p.msg = c.ref("msg")
		p.level = c.want("level", slot.narrow, "an integer of 8 or 32 bits")
	case opMetric:
		p.value = c.want("value", func(s slot) bool { return s.wide() || s.kind == slotF64 }, "a number of 64 bits")
	case opAsyncSpan:
		p.spanID = c.want("span_id", slot.wide, "an integer of 64 bits")
		p.parentSpanID = c.want("parent_span_id", slot.wide, "an integer of 64 bits")
		p.depth = c.want("depth", slot.narrow, "an integer of 8 or 32 bits")
	case opNetBegin:
		if sh.kind == KindBeginConnection {
			p.outgoing = c.want("is_outgoing", slot.narrow, "an integer of 8 or 32 bits")
		}
	case opNetEnd, opNetProperty:
		p.bits = c.want("bit_size", slot.narrow, "an integer of 8 or 32 bits")
	default:
	}
	return errors.Join(c.errs...)
}

// slotFinder collects what is wrong with the members of a type.
type slotFinder struct {
	t    *compiledType
	errs []error
}

func (c *slotFinder) want(name string, ok func(slot) bool, what string) slot {
	s, err := c.t.slot(name)
	if err == nil && !ok(s) {
		err = fmt.Errorf("member %q is not %s", name, what)
	}
	if err != nil {
		c.errs = append(c.errs, err)
	}
	return s
}

func (c *slotFinder) ref(name string) slot {
	return c.want(name, func(s slot) bool { return s.kind == slotRef }, "a reference")
}

// decode fills ev from the bytes of one event.
func (b *blockReader) decode(p *program, record string, ev *Event) error {
	switch p.op {
	case opMetric:
		return b.metric(p, record, ev)
	case opSpan:
		return b.span(p, record, ev)
	case opAsyncSpan:
		ev.SpanID = le64(record, p.spanID.off)
		ev.ParentSpanID = le64(record, p.parentSpanID.off)
		ev.Depth = p.depth.u32(record)
		return b.span(p, record, ev)
	case opLogStatic, opLogTagged, opLogTemplate:
		return b.logStatic(p, record, ev)
	case opLogStaticInterop:
		return b.logStaticInterop(p, record, ev)
	case opLogString, opLogOldString, opLogTaggedString:
		return b.logString(p, record, ev)
	case opLogInterop, opLogOldInterop, opLogTaggedInterop:
		return b.logInterop(p, record, ev)
	case opNetBegin, opNetEnd, opNetProperty:
		return b.net(p, record, ev)
	case opImage:
		return image(record, ev)
	default:
	}
	return p.err
}

func ticks(v uint64) telemetry.Ticks {
	return telemetry.Ticks(v)
}
