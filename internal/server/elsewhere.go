package server

import (
	"fmt"
	"strings"
)

// Variables of other Micromegas servers that mean the same here.
const (
	envRetentionDays = "MICROMEGAS_RETENTION_DAYS"
	envMemoryBudget  = "MICROMEGAS_DATAFUSION_MEMORY_BUDGET_MB"
)

// scopes are variables of other Micromegas servers that keep rows from callers, without the prefix.
var scopes = []string{"AUDIENCE_GRANTS", "ANALYTICS_AUDIENCE_GRANTS", "UNSTAMPED_AUDIENCE", "ANALYTICS_UNSTAMPED_AUDIENCE"}

// scoped refuses to answer queries where somebody relies on rows being kept from callers: every reader sees all of them here.
// An unstamped audience of "public" keeps nothing from anybody.
func scoped(p Program, getenv func(string) string) (errs []error) {
	if p.GRPC == "" {
		return nil
	}
	for _, name := range scopes {
		value := strings.TrimSpace(getenv(envPrefix + name))
		if value == "" || value == "public" && strings.HasSuffix(name, "UNSTAMPED_AUDIENCE") {
			continue
		}
		errs = append(errs, fmt.Errorf("%s%s: this server does not keep rows from readers, every one of them sees all; "+
			"unset it if that is right", envPrefix, name))
	}
	return errs
}
