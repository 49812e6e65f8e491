// Package design is the service as goa is told of it; package gen is made of it:
//
//	go run goa.design/goa/v3/cmd/goa@v3.25.3 gen github.com/weft-go/weft/bench/goa/design -o goa
//
// Of what is made only the service and its server are kept.
package design

//lint:ignore ST1001 designs are written in this language
import . "goa.design/goa/v3/dsl"

var _ = API("orders", func() {
	Title("Orders")
})

// Line is one item of an order.
var Line = Type("Line", func() {
	Attribute("sku", String, func() { MaxLength(20) })
	Attribute("quantity", Int, func() {
		Minimum(1)
		Maximum(99)
	})
	Required("sku", "quantity")
})

// Order is the body of the typed POST.
var Order = Type("Order", func() {
	Attribute("customer", String, func() { MinLength(3) })
	Attribute("email", String, func() { MaxLength(100) })
	Attribute("note", String, func() {
		MaxLength(200)
		Default("")
	})
	Attribute("priority", Int, func() {
		Minimum(0)
		Maximum(9)
		Default(0)
	})
	Attribute("express", Boolean, func() { Default(false) })
	Attribute("lines", ArrayOf(Line), func() { MinLength(1) })
	Required("customer", "email", "lines")
})

// Receipt is the answer to it.
var Receipt = Type("Receipt", func() {
	Attribute("tenant", String)
	Attribute("dry_run", Boolean)
	Attribute("trace", String)
	Attribute("customer", String)
	Attribute("items", Int)
	Attribute("lines", ArrayOf(Line))
	Required("tenant", "dry_run", "trace", "customer", "items", "lines")
})

// Page is the answer to the typed GET.
var Page = Type("Page", func() {
	Attribute("tenant", String)
	Attribute("limit", Int)
	Attribute("cursor", String)
	Required("tenant", "limit", "cursor")
})

// Entry is one line of an import.
var Entry = Type("Entry", func() {
	Attribute("sku", String)
	Attribute("quantity", Int)
	Attribute("place", String)
	Required("sku", "quantity", "place")
})

// Imported is the answer to an import.
var Imported = Type("Imported", func() {
	Attribute("source", String)
	Attribute("entries", Int)
	Attribute("quantity", Int)
	Required("source", "entries", "quantity")
})

// Item is one element of the long list.
var Item = Type("Item", func() {
	Attribute("id", Int)
	Attribute("name", String)
	Attribute("price", Float64)
	Attribute("active", Boolean)
	Attribute("tags", ArrayOf(String))
	Required("id", "name", "price", "active", "tags")
})

// Stock is how many there are of something.
var Stock = Type("Stock", func() {
	Attribute("sku", String)
	Attribute("count", Int)
	Required("sku", "count")
})

// OutOfStock is the error of the domain.
var OutOfStock = Type("OutOfStock", func() {
	Attribute("title", String)
	Attribute("status", Int)
	Attribute("code", String)
	Attribute("detail", String)
	Required("title", "status", "code", "detail")
})

// Denied is the answer to who has no key.
var Denied = Type("Denied", func() {
	Attribute("title", String)
	Attribute("status", Int)
	Attribute("challenge", String)
	Required("title", "status", "challenge")
})

// Report is the answer of the guarded route.
var Report = Type("Report", func() {
	Attribute("id", String)
	Required("id")
})

var _ = Service("orders", func() {
	Method("place", func() {
		Payload(func() {
			Attribute("tenant", String)
			Attribute("dry_run", Boolean, func() { Default(false) })
			Attribute("trace", String, func() { Default("") })
			Attribute("order", Order)
			Required("tenant", "order")
		})
		Result(Receipt)
		HTTP(func() {
			POST("/tenants/{tenant}/orders")
			Param("dry_run")
			Header("trace:X-Trace")
			Body("order")
			Response(StatusCreated)
		})
	})
	Method("list", func() {
		Payload(func() {
			Attribute("tenant", String)
			Attribute("limit", Int)
			Attribute("cursor", String)
			Required("tenant", "limit", "cursor")
		})
		Result(Page)
		HTTP(func() {
			GET("/tenants/{tenant}/orders")
			Param("limit")
			Param("cursor")
			Response(StatusOK)
		})
	})
	Method("reserve", func() {
		Payload(func() {
			Attribute("sku", String)
			Required("sku")
		})
		Result(Stock)
		Error("out_of_stock", OutOfStock)
		HTTP(func() {
			GET("/stock/{sku}")
			Response(StatusOK)
			Response("out_of_stock", StatusConflict)
		})
	})
	Method("items", func() {
		Result(ArrayOf(Item))
		HTTP(func() {
			GET("/items")
			Response(StatusOK)
		})
	})
	Method("import", func() {
		Payload(func() {
			Attribute("source", String)
			Attribute("entries", ArrayOf(Entry), func() { MinLength(1) })
			Required("source", "entries")
		})
		Result(Imported)
		HTTP(func() {
			POST("/imports")
			Response(StatusOK)
		})
	})
	Method("report", func() {
		Payload(func() {
			Attribute("id", String)
			Attribute("key", String, func() { Default("") })
			Required("id")
		})
		Result(Report)
		Error("denied", Denied)
		HTTP(func() {
			GET("/reports/{id}")
			Header("key:X-Key")
			Response(StatusOK)
			Response("denied", StatusUnauthorized, func() { Header("challenge:WWW-Authenticate") })
		})
	})
})
