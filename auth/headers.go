package auth

// identityHeaders are names only the servers may set; nobody reads them any more, since an identity travels in the
// context, but what arrives under these names is a forgery (A70).
var identityHeaders = [...]string{
	"x-auth-subject", "x-auth-email", "x-auth-issuer", "x-auth-is-admin", "x-allow-delegation",
}

// IdentityHeaders lists the headers, in lower case, that are removed from every incoming request (A70).
func IdentityHeaders() []string { return identityHeaders[:] }
