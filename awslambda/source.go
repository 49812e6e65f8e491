package awslambda

// Source is what an event came from: a front door, or a service whose records have routes of their own.
type Source string

// The sources of HTTP events. The zero Source is none: the request did not come from Lambda.
const (
	RESTAPI     Source = "API Gateway REST API"
	HTTPAPI     Source = "API Gateway HTTP API" // payload 2.0, and 1.0
	FunctionURL Source = "Lambda function URL"
	ALB         Source = "Application Load Balancer"
	VPCLattice  Source = "VPC Lattice" // events of version 1 and 2
	WebSocket   Source = "API Gateway WebSocket API"
)

// The sources of other events; see [SQS] and the like. The names of their routes begin with them.
const (
	FromSQS         Source = "SQS"
	FromSNS         Source = "SNS"
	FromEventBridge Source = "EventBridge"
	FromSchedule    Source = "Schedule"
	FromKinesis     Source = "Kinesis"
	FromDynamoDB    Source = "DynamoDB"
	FromS3          Source = "S3"
	FromKafka       Source = "Kafka"
	FromDirect      Source = "Direct"
)

// format is the form of an event, and of its answer.
type format uint8

const (
	notHTTP format = iota
	restV1
	httpV1 // an HTTP API that sends payload 1.0: a REST API's, but for its path
	httpV2
	functionURL
	albSingle
	albMulti
	latticeV1
	latticeV2
	webSocket
)

var sources = [...]Source{
	restV1: RESTAPI, httpV1: HTTPAPI, httpV2: HTTPAPI, functionURL: FunctionURL,
	albSingle: ALB, albMulti: ALB, latticeV1: VPCLattice, latticeV2: VPCLattice, webSocket: WebSocket,
}

// format tells the event's form by what only that form has. An HTTP API and VPC Lattice both say version 2.0.
func (e *event) format() format {
	c := &e.context
	switch {
	case c.connectionID != "" && c.routeKey != "":
		return webSocket
	case c.loadBalancer && e.multiHeaders.there:
		return albMulti
	case c.loadBalancer:
		return albSingle
	case c.serviceNetwork != "":
		return latticeV2
	case e.rawPathV1 != "" && e.methodV1 != "":
		return latticeV1
	case c.http.method != "" && isFunctionURL(c.domainName):
		return functionURL
	case c.http.method != "":
		return httpV2
	case e.httpMethod != "" && e.version == "1.0" && c.resourcePath == "":
		return httpV1
	case e.httpMethod != "" && (c.stage != "" || c.apiID != "" || c.resourcePath != "" || e.path != ""):
		return restV1
	}
	return notHTTP
}

// streams reports whether an answer to it can be sent while it is made, where its front door was told so.
func (f format) streams() bool { return f == functionURL || f == restV1 }

// Limits on what an answer may have, in bytes of the JSON that Lambda takes.
const (
	answerLimit    = 6 << 20
	answerLimitALB = 1 << 20
)

func (f format) limit() int64 {
	if f == albSingle || f == albMulti {
		return answerLimitALB
	}
	return answerLimit
}
