require ["vacation-seconds", "fcc", "date", "index", "body", "duplicate", "editheader"];
if duplicate :handle "h" :header "message-id" :seconds 60 :last { stop; }
if date :index 1 :last :zone "-0130" :is "received" "std11" ["a", "b"] { keep; }
if currentdate :matches "iso8601" "2026-*T??:*" { addheader :last "X-A" "ü b"; deleteheader :index 2 :last :matches "X-*" ["a*"]; }
if body :content ["text/plain", "image", ""] :contains "beef" { discard; }
vacation :seconds 90 :subject "Away" :addresses ["b@example.net"] :handle "x" text:
Dear you,
..dot
.
;
%%
Received: from a by b; Sun, 22 Nov 2026 10:00:00 +0100
From: a@example.org
To: b@example.net
Message-ID: <1@example.org>
Content-Type: multipart/mixed; boundary=x

pre
--x
Content-Type: text/plain; charset=iso-8859-1
Content-Transfer-Encoding: quoted-printable

beef=FC
--x
Content-Type: message/rfc822

Subject: in

deep
--x--
