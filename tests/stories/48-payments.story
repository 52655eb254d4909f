# Fees and charges, paid through the Payment Platform and PayGov. Only what the provider says, signed or asked, about what was asked for.

story: paid, told once, and the receipt is found
  with counter payplat subscriber
  given subscriber receives = ["payment-confirmed"]
  counter asks start payment.json -> 200 DOITACTHU, https://thanhtoan.example/pay/
  payments payment-opened
  counter told nothing
  payplat paid
  payplat calls 200 "MaLoi":"00"
  payments payment-opened, payment-paid
  timeline payment-opened, accepted, accepted, queued, queued, payment-paid, delivered, delivered
  counter heard 1 payments, 0 repeated
  subscriber heard 1 facts, 0 forged
  counter asks receipt payment-named.json with reference=$reference -> 200 https://thanhtoan.example/bill/
  # Nobody asks about what is paid.
  after 1d
  payplat heard 0 queries
  open 0

story: the callback got lost: QUERY finds the payment, and the callback that comes late is the same one
  with counter payplat
  counter asks start payment.json -> 200
  payplat paid-unheard
  counter told nothing
  after 5m
  payments payment-opened, payment-paid
  counter heard 1 payments
  payplat confirms
  payplat calls 200 "MaLoi":"00"
  after 1d
  counter heard 1 payments, 0 repeated
  payplat heard 1 queries

story: the same callback twice has the same answer, and counts once
  with counter payplat
  counter asks start payment.json -> 200
  payplat paid
  payplat calls 200 "MaLoi":"00"
  payplat confirms
  payplat calls 200 "MaLoi":"00"
  restart
  payplat confirms
  payplat calls 200 "MaLoi":"00"
  payments payment-opened, payment-paid
  counter heard 1 payments, 0 repeated

story: a callback with a wrong signature, without one, or with one changed field proves nothing
  with counter payplat
  counter asks start payment.json -> 200
  payplat paid-unheard
  payplat forges MaXacThuc 00
  # In words of its own: there is no header that its signature would stand in.
  payplat calls 401 mã xác thực trong nội dung không khớp
  payplat unsigned
  payplat calls 401 "MaLoi":"99"
  payplat forges SoTien 1
  payplat calls 401 "MaLoi":"99"
  payplat forges ThongTinGiaoDich x
  payplat calls 401 "MaLoi":"99"
  payments payment-opened
  counter told nothing
  payplat confirms
  payplat calls 200 "MaLoi":"00"
  counter heard 1 payments

story: another amount or currency than was asked for is refused, however well it is signed
  with counter payplat
  counter asks start payment.json -> 200
  payplat paid-unheard
  payplat confirms-as SoTien 49999
  payplat calls 200 "MaLoi":"99"
  payplat confirms-as SoTien x
  payplat calls 200 "MaLoi":"99"
  payplat confirms-as MaTienTe USD
  payplat calls 200 "MaLoi":"99"
  payplat confirms
  payplat calls 200 "MaLoi":"00"
  payments payment-opened, payment-alert, payment-alert, payment-paid

story: an order that nobody here knows is refused
  with counter payplat
  counter asks start payment.json -> 200
  payplat paid-unheard
  payplat confirms-as MaThamChieu DOITACTHU0000000000
  payplat calls 200 "MaLoi":"99"
  counter told nothing
  payments payment-opened

story: late after cancel: refused, and a person is told
  with counter payplat
  counter asks start payment.json -> 200
  counter asks cancel payment-named.json with reference=DOITACTHU0000000000 -> 400 payment.unknown
  counter asks start payment.json -> 200
  counter asks receipt payment-named.json with reference=$reference -> 502
  counter asks cancel payment-named.json with reference=$reference -> 202
  counter asks cancel payment-named.json with reference=$reference -> 202 true
  payplat paid
  payplat calls 200 "MaLoi":"99"
  payments payment-opened, payment-opened, payment-cancelled, payment-alert
  counter told nothing
  # QUERY says the same once, and then nobody asks any more.
  after 1d
  counter told nothing

story: what is paid cannot be taken back, and a second transaction for it is a person's affair
  with counter payplat
  counter asks start payment.json -> 200
  payplat paid
  payplat calls 200 "MaLoi":"00"
  counter asks cancel payment-named.json with reference=$reference -> 400 payment.paid
  payplat confirms-as MaGiaoDich GD999999999
  payplat calls 200 "MaLoi":"99"
  payments payment-opened, payment-paid, payment-alert
  counter heard 1 payments

story: one transaction pays once: another reference cannot use it again
  with counter payplat
  counter asks start payment.json -> 200
  payplat paid
  payplat calls 200 "MaLoi":"00"
  counter asks start payment.json -> 200
  payplat paid-unheard
  payplat confirms-as MaGiaoDich GD000000001
  payplat calls 200 "MaLoi":"99"
  counter heard 1 payments
  payplat confirms
  payplat calls 200 "MaLoi":"00"
  counter heard 2 payments

story: a browser's return address proves nothing and changes nothing
  with counter payplat
  counter asks start payment.json -> 200
  counter asks return payment.json with vpc_TxnResponseCode=0 -> 404
  counter asks start?MaLoi=00 payment.json -> 200
  payments payment-opened, payment-opened
  counter told nothing

story: the answer to INIT is lost: no payment for the caller, and QUERY tells what became of it
  with counter payplat
  payplat answers lost-after
  counter asks start payment.json -> 503
  payments payment-opened
  payplat paid-unheard
  after 5m
  payments payment-opened, payment-paid
  counter heard 1 payments
  payplat heard 1 payments

story: the Platform is away: the citizen is told at once, and nothing is begun behind anybody's back
  with counter payplat
  payplat always 503
  counter asks start payment.json -> 503
  after 10m
  payplat always ok
  after 2h
  payplat heard 0 payments
  counter told nothing

story: a try that fails takes nothing from the next one
  with counter payplat
  counter asks start payment.json -> 200
  payplat fails
  payplat calls 200 "MaLoi":"00"
  payments payment-opened, payment-failed
  payplat paid
  payplat calls 200 "MaLoi":"00"
  payments payment-opened, payment-failed, payment-paid

story: fees that do not add up, dollars, and a dossier without a code are not asked for
  with counter payplat
  counter asks start payment.json with amount=1 -> 400 payment.lines
  counter asks start payment.json with currency=USD -> 400 currency
  counter asks start payment.json with dossier.code=null -> 400 dossier.code
  payplat heard 0 calls

story: money that nobody would be told of is not asked for
  with counter payplat
  given counter receives = ["dossier-recorded"]
  counter asks start payment.json -> 500 route.none
  payplat heard 0 calls

story: the portal looks up what is due
  with counter payplat
  payplat asks-due H99.14-261123-0007
  payplat calls 200 "error_code":-1
  counter asks due fees.json -> 202
  payplat asks-due H99.14-261123-0007
  payplat calls 200 "error_code":1
  payplat asks-due H99.14-261123-0007
  payplat calls 200 "SoTien":"50000"
  payplat asks-due H99.14-261123-0007
  payplat calls 200 "MaTraCuuTT":"H99.14-261123-000720261123
  counter asks due fees.json with lines=[] -> 202
  payplat asks-due H99.14-261123-0007
  payplat calls 200 "error_code":0

story: what was paid is not due any more, whether the one-stop-shop has said so or not; what it asks for afterwards is
  with counter payplat
  counter asks due fees.json -> 202
  counter asks start payment.json -> 200
  # Begun is not paid.
  payplat asks-due H99.14-261123-0007
  payplat calls 200 "error_code":1
  payplat paid
  payplat calls 200 "MaLoi":"00"
  payplat asks-due H99.14-261123-0007
  payplat calls 200 "error_code":0
  restart
  payplat asks-due H99.14-261123-0007
  payplat calls 200 "error_code":0
  counter asks due fees.json with purpose=lan-hai -> 202
  payplat asks-due H99.14-261123-0007
  payplat calls 200 "error_code":1

story: an amount that is written with a fraction is the amount, or is not
  with counter payplat
  counter asks start payment.json -> 200
  payplat paid-unheard
  payplat confirms-as SoTien 50000.50
  payplat calls 200 "MaLoi":"99"
  # Nobody can read it, and money it is.
  payment-alerts payplat contract.violated 1
  payplat confirms-as SoTien 500000.00
  payplat calls 200 "MaLoi":"99"
  payplat confirms-as SoTien 50000.00
  payplat calls 200 "MaLoi":"00"
  counter heard 1 payments

story: what the portal begins by itself after its look-up counts if it is what was due, once
  with counter payplat
  counter asks due fees.json -> 202
  payplat asks-due H99.14-261123-0007
  payplat calls 200 "error_code":1
  payplat portal-paid H99.14-261123-0007 49999 PT0000000001
  payplat calls 200 "MaLoi":"99"
  counter told nothing
  payplat portal-paid H99.14-261123-0007 50000 PT0000000002
  payplat calls 200 "MaLoi":"00"
  payments payment-alert, payment-opened, payment-paid
  counter heard 1 payments
  # It is paid: not due any more, and not to be paid again.
  payplat asks-due H99.14-261123-0007
  payplat calls 200 "error_code":0
  payplat portal-paid H99.14-261123-0007 50000 PT0000000003
  payplat calls 200 "MaLoi":"99"
  payplat portal-paid H99.14-261123-0099 50000 PT0000000004
  payplat calls 200 "MaLoi":"99"
  payments payment-alert, payment-opened, payment-paid, payment-alert
  counter heard 1 payments, 0 repeated

story: while one secret takes the place of another, both are valid
  with counter payplat
  given payplat keys.secret = { file = "{folder}/signing.secret" }
  given payplat keys.secret-previous = { file = "{folder}/portal.password" }
  # The Platform still has the old one: our INIT is refused by it, its CONFIRM is not refused by us.
  counter asks start payment.json -> 502
  payplat confirms
  payplat calls 200 "MaLoi":"99"

story: PayGov: checksum, amount and order are verified, and each refusal has its word
  with counter paygov
  counter asks start payment.json -> 200 https://paygov.example/pay/H99-
  paygov forges amount 1
  paygov calls 401 SIGNATURE_WRONG
  paygov confirms-as amount 49999
  paygov calls 200 FAILED
  paygov confirms-as currency USD
  paygov calls 200 FAILED
  paygov confirms-as orderId H99-0000000000
  paygov calls 200 FAILED
  counter told nothing
  paygov paid
  paygov calls 200 SUCCESSFUL
  paygov confirms
  paygov calls 200 SUCCESSFUL
  payments payment-opened, payment-alert, payment-alert, payment-paid
  counter heard 1 payments, 0 repeated

story: PayGov: a token that is over is renewed, and the citizen sees nothing of it
  with counter paygov
  counter asks start payment.json -> 200
  paygov expire-sessions
  counter asks start payment.json -> 200
  paygov heard 2 payments
