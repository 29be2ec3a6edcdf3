package admin

import (
	"context"
	"fmt"
	"strings"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/google/uuid"

	"github.com/micromegas-go/micromegas/auth"
	"github.com/micromegas-go/micromegas/catalog"
	"github.com/micromegas-go/micromegas/lake"
	"github.com/micromegas-go/micromegas/query"
	"github.com/micromegas-go/micromegas/query/denylist"
)

var denialSchema = arrow.NewSchema([]arrow.Field{
	column("rule_id", typeText),
	column("created_at", typeTime),
	column("created_by", typeText),
	column("reason", typeText),
	column("match_expr", typeText),
	column("last_hit_at", typeTime),
}, nil)

// deny plans deny_queries(match_expr, reason); its only row tells the id of the new rule.
func (f *Functions) deny(args []query.Argument) (work, error) {
	match, err := args[0].Text()
	if err != nil {
		return nil, err
	}
	if _, err := denylist.Compile(match); err != nil {
		return nil, args[0].Fault("argument 1 of deny_queries: " + err.Error())
	}
	reason, err := args[1].Text()
	if err != nil {
		return nil, err
	}
	if strings.TrimSpace(reason) == "" {
		return nil, args[1].Wrong("must say why: whoever is refused reads it")
	}
	return func(ctx context.Context, say lake.Progress) error {
		d, err := f.denials.Create(ctx, who(ctx), match, reason)
		if err == nil {
			say(d.ID.String())
		}
		return err
	}, nil
}

// who names the caller in records that people read.
func who(ctx context.Context) string {
	id, ok := auth.From(ctx)
	switch {
	case !ok:
		return "unknown"
	case id.Email != "":
		return auth.Printable(id.Email)
	default:
		return auth.Printable(id.Subject)
	}
}

func (f *Functions) listDenials(ctx context.Context, t *table) error {
	all, err := f.denials.All(ctx)
	if err != nil {
		return err
	}
	for _, d := range all {
		t.text(d.ID.String())
		t.time(d.Created)
		t.text(d.CreatedBy)
		t.text(d.Reason)
		t.text(d.Match)
		if d.LastHit == 0 {
			t.null()
		} else {
			t.time(d.LastHit)
		}
	}
	return nil
}

// removeDenial removes the rules of all rows, or none.
func (f *Functions) removeDenial() query.Scalar {
	const function = "remove_query_denial"
	return query.Scalar{
		Name: function, Admin: true, Args: []arrow.DataType{typeText}, Result: typeText,
		Call: func(ctx context.Context, columns [][]any, rows int) ([]any, error) {
			answers, texts := make([]any, rows), make([]string, 0, rows)
			var rules []catalog.DenialID
			bad := false
			for i, v := range columns[0] {
				text, ok := v.(string)
				if !ok {
					continue // NULL in, NULL out
				}
				texts = append(texts, text)
				id, err := uuid.Parse(text)
				if err != nil {
					answers[i], bad = fmt.Sprintf("ERROR: '%s' is not a valid rule id", text), true
					continue
				}
				answers[i] = "SUCCESS: removed rule " + id.String()
				rules = append(rules, id)
			}
			if bad {
				rollBack(answers)
				f.audit(ctx, function, texts, "nothing was removed", nil)
				return answers, nil
			}
			missing, err := f.denials.Remove(ctx, rules)
			if err != nil {
				f.audit(ctx, function, texts, "", err)
				return nil, err
			}
			if len(missing) > 0 {
				for _, id := range missing {
					for i := range answers {
						if answers[i] == "SUCCESS: removed rule "+id.String() {
							answers[i] = "ERROR: no such rule: " + id.String()
						}
					}
				}
				rollBack(answers)
			}
			f.audit(ctx, function, texts, fmt.Sprintf("%d rules removed", len(rules)-len(missing)), nil)
			return answers, nil
		},
	}
}

// rollBack says of rows that were fine that nothing was done for them either.
func rollBack(answers []any) {
	for i := range answers {
		if text, ok := answers[i].(string); ok && strings.HasPrefix(text, "SUCCESS:") {
			answers[i] = "ERROR: ROLLED_BACK: another rule of the same call could not be removed"
		}
	}
}
