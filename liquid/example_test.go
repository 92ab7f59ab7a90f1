package liquid_test

import (
	"context"
	"fmt"

	"deskstream/liquid"
)

// A campaign e-mail: one request renders subject and body.
func ExampleRenderer_Render() {
	var r liquid.Renderer
	data, err := liquid.DecodeData([]byte(`{
		"person": {"first_name": "Jo", "zendesk": {"tags": ["vip", "beta"]}},
		"organization": {"name": "Smith & Sons"},
		"metrics": {"tickets": {"open": 3}}
	}`))
	if err != nil {
		fmt.Println(err)
		return
	}
	res, err := r.Render(context.Background(), liquid.Request{
		Parts: map[string]string{
			"subject": `{{ people.first-name | default: "Hello" }}, {{ metrics.tickets.open }} tickets are open`,
			"html":    `<p>{{ organization.name }}: {{ person.zendesk.tags }}, {{ person.phone | default: "no phone" }}</p>`,
		},
		Data: data,
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(res.Parts["subject"])
	fmt.Println(res.Parts["html"])
	fmt.Println(res.Missing)
	// Output:
	// Jo, 3 tickets are open
	// <p>Smith &amp; Sons: vip, beta, no phone</p>
	// [person.phone]
}

// A template that decides not to be sent.
func ExampleRenderer_Render_abort() {
	var r liquid.Renderer
	res, err := r.Render(context.Background(), liquid.Request{
		Parts: map[string]string{"html": `{% if person.email == blank %}{% abort "no email" %}{% endif %}Hello`},
		Data:  map[string]any{"person": map[string]any{}},
	})
	fmt.Println(*res.Aborted, len(res.Parts), err)
	// Output: no email 0 <nil>
}

// What to fetch before rendering.
func ExampleRenderer_Variables() {
	var r liquid.Renderer
	list, err := r.Variables(map[string]string{
		"html": `{{ people.first-name }}{% for a in activities %}{{ a.ticket.subject }}{% endfor %}`,
	}, nil)
	for _, v := range list {
		fmt.Println(v, v.InOutput)
	}
	fmt.Println(err)
	// Output:
	// activities false
	// activities[].ticket.subject true
	// person.first_name true
	// <nil>
}

// What is wrong with a template, and where.
func ExampleRenderer_Inspect() {
	var r liquid.Renderer
	for _, e := range r.Inspect(map[string]string{"html": "Hi {{ person.name | upper }}\n{% if x %}"}, nil).Errors {
		fmt.Println(&e)
	}
	// Output:
	// part html, line 1, column 21, syntax: unknown filter "upper"; did you mean "upcase"?
	// part html, line 2, column 4, syntax: if is not closed by endif
}
