module github.com/weft-go/weft/tests

go 1.26

require (
	github.com/stretchr/testify v1.12.1
	github.com/weft-go/weft v0.0.0
	go.uber.org/goleak v1.3.0
	pgregory.net/rapid v1.3.0
)

require (
	github.com/go-json-experiment/json v0.0.0-20260820222146-c27c302e5fc3 // indirect
	go.yaml.in/yaml/v3 v3.0.5 // indirect
)

replace github.com/weft-go/weft => ../
