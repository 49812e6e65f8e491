package awslambda

import (
	"net/url"
	"strings"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/weft-go/weft"
)

// S3Record is what S3 says of an object.
type S3Record struct {
	EventName     string // such as ObjectCreated:Put
	Time          time.Time
	Region        string
	Bucket        string
	BucketARN     string
	Key           string // decoded: as the object's key is
	Size          int64
	ETag          string
	VersionID     string
	Sequencer     string // orders the events of one object
	Configuration string // the ID of the notification's configuration
	Principal     string
	SourceIP      string
}

// CurrentS3Record is the key of the object that a request is about. Fields with the tag value take it.
var CurrentS3Record = weft.NewKey[S3Record]("S3 record")

var receiveS3 = receiving(FromS3, CurrentS3Record)

// S3 is the source of a bucket's notifications, by the bucket's name; "*" is every bucket without a route of its own. The request's body is the
// record as it was sent; a handler has what it needs of it in the [S3Record]. A notification that fails fails the invocation, which Lambda repeats.
func S3(bucket string, opts ...EventOption) *EventSource {
	return newSource(FromS3, bucket, receiveS3, opts)
}

func s3Record(text jsontext.Value) *record {
	var n struct {
		Name   string    `json:"eventName"`
		Time   time.Time `json:"eventTime"`
		Region string    `json:"awsRegion"`
		User   struct {
			Principal string `json:"principalId"`
		} `json:"userIdentity"`
		Request struct {
			IP string `json:"sourceIPAddress"`
		} `json:"requestParameters"`
		S3 struct {
			Configuration string `json:"configurationId"`
			Bucket        struct {
				Name string `json:"name"`
				ARN  string `json:"arn"`
			} `json:"bucket"`
			Object struct {
				Key       string `json:"key"`
				Size      int64  `json:"size"`
				ETag      string `json:"eTag"`
				VersionID string `json:"versionId"`
				Sequencer string `json:"sequencer"`
			} `json:"object"`
		} `json:"s3"`
	}
	r := newRecord(FromS3)
	if r.decode(text, &n); r.unread != nil {
		n.S3.Bucket.Name, n.S3.Object.Key = loose(text, "s3", "bucket", "name"), loose(text, "s3", "object", "key")
	}
	key, err := url.QueryUnescape(n.S3.Object.Key)
	if err != nil && r.unread == nil {
		r.unread = err
	}
	o := n.S3.Object
	r.from, r.id, r.body = n.S3.Bucket.Name, strings.TrimPrefix(key, "/"), text
	r.about = S3Record{n.Name, n.Time, n.Region, n.S3.Bucket.Name, n.S3.Bucket.ARN, key, o.Size, o.ETag, o.VersionID, o.Sequencer, n.S3.Configuration, n.User.Principal, n.Request.IP}
	return r
}
