package s3

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/url"
	"strings"

	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"
)

// Secret is a string that does not print.
type Secret string

// Format implements fmt.Formatter.
func (Secret) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, "[secret]") }

// LogValue implements slog.LogValuer.
func (Secret) LogValue() slog.Value { return slog.StringValue("[secret]") }

// MarshalText implements encoding.TextMarshaler.
func (Secret) MarshalText() ([]byte, error) { return []byte("[secret]"), nil }

// Options says how to reach the service. The zero value is AWS with the credentials of the machine's or container's role.
type Options struct {
	Endpoint     string // URL of another service than AWS, as https://minio:9000; plain http must be asked for by its scheme
	Region       string // empty: asked from AWS; us-east-1 with an Endpoint
	AccessKey    string // empty: those of the role
	SecretKey    Secret
	SessionToken Secret
	Retries      int // attempts of one request; 0 means 5
}

// OptionsFrom reads the environment variables that AWS's own tools know.
func OptionsFrom(getenv func(string) string) Options {
	first := func(names ...string) string {
		for _, name := range names {
			if v := getenv(name); v != "" {
				return v
			}
		}
		return ""
	}
	return Options{
		Endpoint:     first("AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL", "AWS_ENDPOINT"),
		Region:       first("AWS_REGION", "AWS_DEFAULT_REGION"),
		AccessKey:    first("AWS_ACCESS_KEY_ID"),
		SecretKey:    Secret(first("AWS_SECRET_ACCESS_KEY")),
		SessionToken: Secret(first("AWS_SESSION_TOKEN")),
	}
}

// client returns a client; it sends nothing.
func (o Options) client() (*minio.Client, error) {
	if (o.AccessKey == "") != (o.SecretKey == "") {
		return nil, errors.New("AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY belong together; set both, or none for the role of the machine")
	}
	endpoint := &url.URL{Scheme: "https", Host: "s3.amazonaws.com"}
	if o.Region != "" {
		endpoint.Host = "s3." + o.Region + ".amazonaws.com"
	}
	if o.Endpoint != "" {
		u, err := url.Parse(o.Endpoint)
		if err != nil || u.Host == "" || u.User != nil || u.Scheme != "https" && u.Scheme != "http" || strings.Trim(u.Path, "/") != "" {
			// Not quoted: people put credentials there.
			return nil, errors.New("the endpoint, AWS_ENDPOINT_URL, is not a URL like https://host:port without user and path")
		}
		endpoint = u
		if o.Region == "" {
			o.Region = "us-east-1"
		}
	}
	creds := credentials.NewIAM("")
	if o.AccessKey != "" {
		creds = credentials.NewStaticV4(o.AccessKey, string(o.SecretKey), string(o.SessionToken))
	}
	if o.Retries <= 0 {
		o.Retries = 5
	}
	return minio.New(endpoint.Host, &minio.Options{
		Creds: creds, Secure: endpoint.Scheme == "https", Region: o.Region, MaxRetries: o.Retries,
	})
}
