require ["variables", "fileinto", "imap4flags", "relational", "comparator-i;ascii-numeric", "encoded-character", "mailbox"];
if header :matches "subject" "*[??*] \\* *" { set :upperfirst :lower :quotewildcard "n" "${1}-${2}-${nothing}"; }
set :length "len" "${n}${hex:41 42}${unicode:20ac}";
setflag "fl" ["\\Seen", "a b"]; addflag "fl" "c"; removeflag "fl" "\\seen";
if allof (hasflag :count "ge" :comparator "i;ascii-numeric" "fl" "2", string :value "lt" "${len}" "9") {
  fileinto :create :flags "${fl}" "x${n}"; }
%%
From: "A" <a@example.org>, b: c@example.net;;
To: x+y@example.net
Subject: =?utf-8?q?pre=C3=BC?= [ab12] * rest

body
