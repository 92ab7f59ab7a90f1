package zendesktest

import (
	"fmt"
	"math/rand/v2"
	"strings"
)

// topic is one reason to write to the support of a shop that sells travel gear, tickets and insurance.
type topic struct {
	tag      string
	group    string
	weight   int
	kind     string
	subjects []string
	openings []string
	replies  []string
}

var topics = []topic{
	{
		tag: "shipping", group: "Support", weight: 24, kind: "question",
		subjects: []string{
			"Where is my order {order}?", "Parcel marked as delivered but not here", "Wrong address on order {order}",
			"Tracking has not moved for {days} days", "Delivery to {city} takes too long", "Missing item in my parcel",
		},
		openings: []string{
			"Hi,\n\nI ordered a {product} {days} days ago (order {order}) and the tracking still says it is in transit. Can you tell me when it will arrive in {city}?\n\nThanks,\n{name}",
			"The courier says my parcel was delivered yesterday, but nothing arrived. My order number is {order}. Please help!",
			"Hello, I moved to {city} last week and forgot to update my address before ordering the {product}. Can order {order} still be redirected?",
			"One of two items is missing from order {order}: the {product} was not in the box.",
		},
		replies: []string{
			"Hello {name},\n\nthank you for your patience. I have asked the carrier for an update on order {order} and will write again as soon as I hear from them.",
			"Good news: your parcel left our hub in {city} this morning and should be with you in two working days.",
			"I have sent a replacement {product} today, free of charge. You will get a new tracking number within the hour.",
		},
	},
	{
		tag: "refund", group: "Billing", weight: 16, kind: "problem",
		subjects: []string{
			"Refund for order {order}", "Still waiting for my refund", "I want to return the {product}", "Refund went to an old card",
		},
		openings: []string{
			"Hi, I returned the {product} from order {order} {days} days ago and have not seen the refund of {amount} yet. When will it be paid?",
			"The {product} is too small. How do I get a refund for order {order}?",
			"You refunded {amount} to a card that I closed last month. Can you send the refund to my bank account instead?",
		},
		replies: []string{
			"Hi {name},\n\nyour return reached us and the refund of {amount} was started today. Banks usually need three to five working days.",
			"I am sorry about the wait. I have escalated the refund to our finance team and will confirm it here.",
			"You can send the {product} back with the label attached to this message; the refund follows within two days of its arrival.",
		},
	},
	{
		tag: "billing", group: "Billing", weight: 15, kind: "question",
		subjects: []string{
			"Charged twice for order {order}", "Invoice for {month} is missing", "VAT number on my invoice", "Question about my bill of {amount}",
		},
		openings: []string{
			"I was charged {amount} twice for the same order {order}. Please check and correct this.",
			"Could you send me the invoice for {month} with our VAT number on it? Our accountant needs it this week.",
			"My bill shows {amount} for a service I never booked. What is it?",
		},
		replies: []string{
			"Hello {name},\n\none of the two charges is only a reservation and will disappear by itself within seven days. Only {amount} was taken.",
			"Please find the corrected invoice for {month} attached. I have also saved the VAT number for the next ones.",
			"You are right, and I am sorry. I have taken the position off your bill and the credit shows on the next statement.",
		},
	},
	{
		tag: "travel_insurance", group: "Support", weight: 12, kind: "question",
		subjects: []string{
			"Travel insurance for a trip to {city}", "Does my travel insurance cover a lost suitcase?", "Cancel travel insurance, order {order}",
			"Claim under my travel insurance",
		},
		openings: []string{
			"Hello, does the travel insurance I booked with order {order} cover a cancelled flight to {city}? We had to stay two extra nights.",
			"I would like to add travel insurance to my trip to {city} next month. Is that still possible?",
			"My {product} was stolen in {city}. How do I make a claim under the travel insurance?",
		},
		replies: []string{
			"Hi {name},\n\nyes, your travel insurance covers up to {amount} for cancelled flights. Please send us the airline's confirmation and the hotel bill.",
			"Travel insurance can be added up to 24 hours before departure. I have put the link to the form into your account.",
			"I am sorry to hear that. Please upload the police report; our insurance partner answers claims within five working days.",
		},
	},
	{
		tag: "error", group: "Tier 2", weight: 14, kind: "incident",
		subjects: []string{
			"Error 500 at checkout", "Cannot log in: error 403", "App crashes when I open my orders", "Payment page shows an error",
		},
		openings: []string{
			"Every time I try to pay I get \"Error 500: something went wrong\". I tried two browsers. My basket has a {product} in it.",
			"Since this morning I cannot log in. The page says error 403 and the password reset mail never arrives.",
			"The app closes by itself whenever I open my orders. Phone: Android 15, app version 4.{days}.",
		},
		replies: []string{
			"Hello {name},\n\nthank you for the report. Our developers found the cause of the error and a fix goes out this afternoon.",
			"Could you please send us a screenshot of the error and the time at which it happened? That helps us to find it in our logs.",
			"The error should be gone since the release of today. Please try again and tell us if it comes back.",
		},
	},
	{
		tag: "account", group: "Support", weight: 10, kind: "task",
		subjects: []string{
			"Change my e-mail address", "Please delete my account", "Two accounts with the same name", "Newsletter although I unsubscribed",
		},
		openings: []string{
			"Hi, I married and would like to change the name and the e-mail address of my account. What do you need from me?",
			"I have two accounts and would like to have one. Can you merge them?",
			"I unsubscribed from the newsletter three times and still get it. Please stop it.",
		},
		replies: []string{
			"Hi {name},\n\ndone! Your new details are saved. Please log out and in again to see them.",
			"I have taken you off the list by hand. It can take a day until the last mail is out of the queue.",
			"I can do that for you. Please confirm from the other address that both accounts are yours.",
		},
	},
	{
		tag: "product", group: "Support", weight: 9, kind: "question",
		subjects: []string{
			"Is the {product} waterproof?", "Size of the {product}", "When is the {product} back in stock?", "Warranty of the {product}",
		},
		openings: []string{
			"Hello! I am thinking about the {product}. Is it waterproof, and does it fit under an airline seat?",
			"When will the {product} be available again? I need it for a trip to {city}.",
			"A seam of my {product} opened after {days} weeks. Is that covered by the warranty?",
		},
		replies: []string{
			"Hi {name},\n\nthe {product} keeps off rain for about an hour and fits under the seats of all large airlines.",
			"It should be back at the start of next month. I have put you on the list, so you get a mail on the first day.",
			"That should not happen. Please send a photo and we will replace it under the warranty.",
		},
	},
}

// foreign are openings in other languages, with their locale.
var foreign = []struct{ locale, subject, opening string }{
	{"de", "Rückerstattung für Bestellung {order}", "Guten Tag,\n\nich habe den Artikel {product} zurückgeschickt, aber die Rückerstattung über {amount} fehlt noch. Könnten Sie das bitte prüfen?\n\nViele Grüße\n{name}"},
	{"es", "¿Dónde está mi pedido {order}?", "Hola, mi pedido {order} aún no ha llegado a {city}. ¿Me pueden ayudar?"},
	{"fr", "Problème de paiement", "Bonjour,\n\nj'ai été débité deux fois de {amount} pour la commande {order}. Merci de vérifier.\n\nCordialement,\n{name}"},
	{"ja", "注文 {order} について", "こんにちは。注文 {order} の {product} がまだ届いていません。確認をお願いします。"},
}

var (
	customerFollowUps = []string{
		"Thanks for the quick answer. I have attached what you asked for.", "Any news on this? I am still waiting.",
		"That did not work, I still see the same problem.", "Thank you! One more question: does that also hold for my other order?",
		"I checked again, and the amount is still not on my account.", "Great, that helps a lot.",
	}
	agentFollowUps = []string{
		"Thank you for the details. I have passed them on and will come back to you today.",
		"I checked with our team: this is now on its way to being solved.", "Could you please confirm that it works now?",
		"I understand that this is annoying. Let me take care of it at once.",
	}
	closings = []string{
		"I am glad we could help. If anything else comes up, just answer this message.",
		"This is done now. Have a nice day, and safe travels!", "The matter is settled from our side. Thank you for your patience.",
	}
	notes = []string{
		"Customer called twice about this, please give it priority.", "Checked with the warehouse, stock is correct on our side.",
		"Looks like the known problem with the payment provider.", "Goodwill voucher is fine here, up to 20 EUR.",
	}
	reopenings = []string{
		"I am afraid the problem is back.", "Unfortunately that was not the end of it: the same thing happened again today.",
		"The refund you promised has still not arrived.",
	}
	ratingComments = map[string][]string{
		"good": {"Very quick and friendly, thank you!", "Problem solved in one day.", "Great service", ""},
		"bad":  {"I had to ask three times.", "Too slow, and the answer did not help.", "", "Still no refund."},
	}
	givenNames = []string{
		"Olivia", "Noah", "Emma", "Liam", "Amelia", "Oliver", "Sofia", "Mateo", "Mia", "Lucas", "Aisha", "Omar", "Priya", "Arjun", "Yuki",
		"Haruto", "Chloé", "Léo", "Greta", "Jürgen", "Zoë", "Søren", "Ingrid", "Tomasz", "Ewa", "Fatima", "Kofi", "Ama", "Grace", "Daniel",
	}
	familyNames = []string{
		"Smith", "Johnson", "García", "Müller", "Schmidt", "Rossi", "Dubois", "Kowalska", "Nguyen", "Tanaka", "Sato", "Patel", "Singh",
		"Okafor", "Mensah", "Hansen", "Lindqvist", "O'Brien", "Silva", "Costa", "Novák", "Papadopoulos", "Yılmaz", "Cohen", "Brown", "Jones",
	}
	agentNames    = []string{"Hannah Berg", "Marcus Reed", "Ines Duarte", "Tom Whitfield", "Nadia Rahman", "Felix Aalto"}
	companies     = []string{"Northwind Travel", "Blue Harbor Tours", "Alpine Rental", "Meridian Airways", "Cedar & Co", "Lumen Hotels", "Orbit Cruises", "Kite Logistics", "Fjord Adventures", "Sandbar Resorts", "Atlas Freight", "Quill Publishing"}
	products      = []string{"backpack", "trail jacket", "carry-on suitcase", "travel pillow", "sleeping bag", "hiking boots", "rain cover", "packing cubes"}
	cities        = []string{"Boston", "Lisbon", "Berlin", "Osaka", "Toronto", "Nairobi", "Zürich", "São Paulo", "Kraków", "Sydney"}
	extraTags     = []string{"mobile", "web_shop", "newsletter", "gift_card", "loyalty"}
	channels      = []string{"email", "email", "email", "email", "web", "web", "web", "chat", "api"}
	deletionWords = []string{"Win a free phone now!!!", "Cheap watches", "Your mailbox is full, click here"}
)

func pick[T any](r *rand.Rand, list []T) T { return list[r.IntN(len(list))] }

// pickTopic draws a topic by weight.
func pickTopic(r *rand.Rand) topic {
	total := 0
	for _, t := range topics {
		total += t.weight
	}
	n := r.IntN(total)
	for _, t := range topics {
		if n -= t.weight; n < 0 {
			return t
		}
	}
	return topics[0]
}

// words of one ticket, the same in all its messages.
func newWords(r *rand.Rand, name string) *strings.Replacer {
	given, _, _ := strings.Cut(name, " ")
	return strings.NewReplacer(
		"{order}", fmt.Sprintf("#%d", 100000+r.IntN(900000)), "{amount}", fmt.Sprintf("%d.%02d EUR", 9+r.IntN(300), r.IntN(100)),
		"{product}", pick(r, products), "{city}", pick(r, cities), "{days}", fmt.Sprint(2+r.IntN(12)), "{name}", given,
		"{month}", pick(r, []string{"January", "March", "May", "July", "September", "November"}),
	)
}

// newPerson draws a customer. The number keeps addresses apart.
func newPerson(r *rand.Rand, number int) NewUser {
	given, family := pick(r, givenNames), pick(r, familyNames)
	u := NewUser{
		Name: given + " " + family, Email: fmt.Sprintf("%s.%d@%s", ascii(given), number, pick(r, []string{"example.com", "example.org", "example.net"})),
		TimeZone: pick(r, []string{"America/New_York", "America/Chicago", "America/Los_Angeles", "Europe/Berlin", "Europe/London"}),
	}
	if r.Float64() < 0.55 {
		u.Phone = fmt.Sprintf("+1202555%04d", number%10000)
	}
	if r.Float64() < 0.4 {
		u.ExternalID = fmt.Sprintf("cust-%06d", number)
	}
	if r.Float64() < 0.12 {
		u.Tags = []string{"vip"}
	}
	return u
}

// ascii leaves the letters an address may have.
func ascii(s string) string {
	return strings.ToLower(strings.Map(func(c rune) rune {
		if c < 'A' || c > 'z' {
			return -1
		}
		return c
	}, s))
}
