// Bare is the service by hand on aws-lambda-go, for the measurement of cold starts.
package main

import (
	"context"
	"encoding/json"
	"net/http"
	"strings"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-lambda-go/lambda"
)

type order struct {
	Tenant   string `json:"tenant,omitempty"`
	Product  string `json:"product"`
	Quantity int    `json:"quantity"`
}

func main() {
	lambda.Start(func(_ context.Context, e events.APIGatewayProxyRequest) (events.APIGatewayProxyResponse, error) {
		var in order
		if err := json.Unmarshal([]byte(e.Body), &in); err != nil || in.Product == "" || in.Quantity < 1 {
			return events.APIGatewayProxyResponse{StatusCode: http.StatusBadRequest}, nil
		}
		in.Tenant = strings.TrimSuffix(strings.TrimPrefix(e.Path, "/tenants/"), "/orders")
		body, err := json.Marshal(in)
		return events.APIGatewayProxyResponse{StatusCode: http.StatusCreated, Headers: map[string]string{"Content-Type": "application/json"}, Body: string(body)}, err
	})
}
