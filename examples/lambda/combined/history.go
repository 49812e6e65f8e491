package main

import (
	"cmp"
	"context"
	"os"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
)

// History keeps visits in a table of DynamoDB, which the variable HISTORY_TABLE names.
type History struct {
	features *Features
	client   *dynamodb.Client
	table    string
}

// NewHistory reads the settings of the AWS SDK.
func NewHistory(ctx context.Context, features *Features) (*History, error) {
	settings, err := config.LoadDefaultConfig(ctx)
	if err != nil {
		return nil, err
	}
	return &History{features, dynamodb.NewFromConfig(settings), cmp.Or(os.Getenv("HISTORY_TABLE"), "HistoryTable")}, nil
}

// Save keeps a visit.
func (h *History) Save(ctx context.Context, v Visit) error {
	item := map[string]types.AttributeValue{}
	for name, text := range map[string]string{
		"customer_id": v.CustomerID, "request_id": v.RequestID, "path": v.Path,
		"request_time": v.RequestTime, "source_ip": v.SourceIP, "http_method": v.Method,
	} {
		item[name] = &types.AttributeValueMemberS{Value: text}
	}
	_, err := h.client.PutItem(ctx, &dynamodb.PutItemInput{TableName: aws.String(h.table), Item: item})
	return err
}
