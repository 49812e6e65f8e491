package main

import (
	"context"

	"github.com/samber/do/v2"

	"github.com/weft-go/weft"
)

// services says what the stages are made of, and of what that is made. Only two lifetimes are said: there is one
// database, and each request that needs one has a transaction of its own. The others follow: what is Auto
// is a singleton, unless it needs, directly or through others, something of one request. The plan that is printed at the start says what was found, and why.
//
// Singletons are kept in the injector. file is the database's; where it is "", that is in memory.
func services(i do.Injector, file string) *weft.Container {
	c := weft.NewContainer(i)
	weft.Singleton[*database](c, func(ctx context.Context) (*database, error) { return openDatabase(ctx, file) })
	weft.PerRequest[*Tx](c, newTx)

	weft.Auto[*userRepository](c, newUserRepository)
	weft.Auto[*orderRepository](c, newOrderRepository)
	weft.Implements[orderStore, *orderRepository](c)
	weft.Auto[*attachmentRepository](c, newAttachmentRepository)
	weft.Auto[*paymentRepository](c, newPaymentRepository)

	weft.FromKey(c, currentUser) // what login found out
	weft.Auto[*audit](c, newAudit)
	weft.Auto[*orders](c, newOrders)
	weft.Auto[*payments](c, newPayments)
	weft.Auto[*feed](c, newFeed)
	weft.Auto[*exports](c, newExports)
	weft.Auto[*imports](c, newImports)
	weft.Auto[*attachments](c, newAttachments)
	weft.Auto[*downloads](c, newDownloads)
	return c
}
