package main

import (
	"context"
	"fmt"
	"strings"
)

// credential is a user and the key.
type credential struct {
	User
	key apiKey
}

// demoUsers differ in their tenants and in what they may do there.
var demoUsers = []User{
	{Name: "Mia", Role: Manager, Tenant: "acme"},
	{Name: "Cleo", Role: Clerk, Tenant: "globex"},
}

func addUsers(ctx context.Context, repository *userRepository, users []User) ([]credential, error) {
	added := make([]credential, len(users))
	for i, user := range users {
		key, err := repository.addUser(ctx, user)
		if err != nil {
			return nil, err
		}
		added[i] = credential{user, key}
	}
	return added, nil
}

// listUsers is the users as shell variables that curl takes for -H.
func listUsers(users []credential) string {
	var text strings.Builder
	for _, u := range users {
		fmt.Fprintf(&text, "  %s, %s of %s:\n  %s='Authorization: Bearer %s'\n", u.Name, u.Role, u.Tenant, strings.ToLower(u.Name), string(u.key))
	}
	return text.String()
}

// invitation says how to try the service that listens on url. users are those of
// a database in memory; a file has users of its own, whose keys nobody knows here.
func invitation(url string, users []credential, webhooks bool) string {
	text := invitationTop
	if len(users) > 0 {
		text += "Two users, for as long as the program runs:\n\n" + listUsers(users) + invitationMia + invitationCleo
	} else {
		text += "With the key of a user, as -add-user Mia -role manager -tenant acme prints it:\n\n  mia='Authorization: Bearer KEY'\n" + invitationMia
	}
	if webhooks {
		text += invitationPayment
	} else {
		text += "\nPayments are refused until " + secretVariable + " is set.\n"
	}
	return strings.ReplaceAll(text+invitationEnd, "{url}", url) + "\n"
}

const (
	invitationTop = `Serving on {url}, until Ctrl-C. Try:

  curl -i {url}/healthz
  curl -i {url}/api/me

The second is a 401. `

	invitationMia = `
  curl -i -H "$mia" {url}/api/me
  curl -i -H "$mia" {url}/api/tenants/acme/orders --json '{"customer":"Ada","items":[{"sku":"tea","quantity":2,"unit_price":"4.50"}]}'
  curl -i -H "$mia" {url}/api/tenants/acme/orders/1
  curl -i -H "$mia" '{url}/api/tenants/acme/orders?status=open,shipped&min_total=5.00&limit=5'
  curl -i -H "$mia" -X PATCH {url}/api/tenants/acme/orders/1 --json '{"note":"no sugar","due":"2099-12-24"}'
  curl -i -H "$mia" -X PATCH {url}/api/tenants/acme/orders/1 --json '{"note":null,"status":"shipped"}'

The order has a version. A 304 is for who has it, and a 412 for who changes another:

  curl -i -H "$mia" {url}/api/tenants/acme/orders/1 -H 'If-None-Match: "v3"'
  curl -i -H "$mia" -X PATCH {url}/api/tenants/acme/orders/1 --json '{"note":"no milk"}' -H 'If-Match: "v1"'

Its events, from the first, and those to come, until Ctrl-C:

  curl -N -H "$mia" {url}/api/tenants/acme/orders/feed -H 'Last-Event-ID: 0'

A file to attach, and to get back, the second time in part:

  echo 'Received 9.00 for 2 teas.' > receipt.txt
  curl -i -H "$mia" {url}/api/tenants/acme/orders/1/attachments -F 'title=The receipt' -F 'file=@receipt.txt'
  curl -OJ -H "$mia" {url}/api/tenants/acme/orders/1/attachments/1 --output-dir /tmp
  curl -i -H "$mia" {url}/api/tenants/acme/orders/1/attachments/1 -r 9-12

Many orders in, one on each line, of which one is bad, and all of them out:

  curl -i -H "$mia" {url}/api/tenants/acme/orders/import -H 'Content-Type: application/x-ndjson' --data-binary $'{"customer":"Cy","items":[{"sku":"tea","quantity":1,"unit_price":"4.50"}]}\n{"customer":"Dee"}\n'
  curl -H "$mia" '{url}/api/tenants/acme/orders/export?status=open'
  curl -i -H "$mia" {url}/api/tenants/acme/orders/export.csv
`

	invitationCleo = `
What is another tenant's is a 404, and what a role does not allow a 403:

  curl -i -H "$cleo" {url}/api/tenants/acme/orders
  curl -i -H "$cleo" -X DELETE {url}/api/tenants/globex/orders/1
`

	// The secret is not printed: the shell has it, too.
	invitationPayment = `
A payment, signed with the secret in $` + secretVariable + `:

  body='{"id":"evt_1","type":"payment.succeeded","tenant":"acme","order":1,"amount":"9.00"}'; t=$(date +%s)
  curl -i {url}` + webhookPath + ` --json "$body" -H "` + signatureHeader + `: t=$t,v1=$(printf %s "$t.$body" | openssl dgst -sha256 -hmac "$` + secretVariable + `" -r | cut -d ' ' -f 1)"
`

	invitationEnd = `
At last:

  curl -i -H "$mia" -X DELETE {url}/api/tenants/acme/orders/1
`
)
