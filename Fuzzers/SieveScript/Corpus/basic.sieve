require ["fileinto", "reject", "envelope", "copy"];
# comment
if anyof (header :contains ["subject", "x-list"] "sale", not exists "date",
          allof (size :over 100K, address :domain :is "from" "example.org")) {
    fileinto :copy "Lists/a"; /* more * here */
} elsif envelope :all "from" "" { discard; stop; }
else { redirect "Ann <a@example.com>"; }
