LEFT ANY JOIN (SELECT account, user_id, name, email FROM agents FINAL WHERE account IN {accounts:Array(String)}) AS u
    ON u.account = a.account AND u.user_id = a.assignee_id
LEFT ANY JOIN (SELECT account, id, name FROM names FINAL WHERE account IN {accounts:Array(String)} AND kind = 'group') AS g
    ON g.account = a.account AND g.id = a.group_id
LEFT ANY JOIN (SELECT account, id, name FROM names FINAL WHERE account IN {accounts:Array(String)} AND kind = 'brand') AS b
    ON b.account = a.account AND b.id = a.brand_id
