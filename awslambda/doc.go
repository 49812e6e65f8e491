// Package awslambda runs an app of package weft as an AWS Lambda function, behind every front door that speaks HTTP: API Gateway's REST, HTTP
// and WebSocket APIs, function URLs, Application Load Balancers and VPC Lattice.
//
//	func main() {
//		app := newApp()
//		if awslambda.InLambda() {
//			awslambda.Start(app)
//		}
//		…
//	}
//
// Queues, streams and other services have routes of their own, by [weft.App.On] with [SQS] and the like: each record is a request.
//
// An event becomes an [http.Request], goes through the same stages and routes as over a connection, and is answered in the form that its source
// takes. [InvocationOf] has what else Lambda and the event say. [Handle] is all of it in one call, for tests.
package awslambda
