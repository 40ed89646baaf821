package e2e
import ("testing";"github.com/picoca/picoca/internal/onboard";"path/filepath";"os")
func TestQuickPhone(t *testing.T){
 run:=startPhone(t,func(c *onboard.Config){
  c.Devices=[]onboard.Link{{"Kitchen clock","https://pico.local/"},{"Plant watering","https://plants.local/"}}
  c.Identity=&onboard.Identity{"kitchen-tablet","kitchen-tablet.p12","application/x-pkcs12",[]byte("xxxx")}
 })
 home:=newTrust(t); dir:=screenshots(t)
 f:=filepath.Join(t.TempDir(),"r.crt"); os.WriteFile(f,run.root.Raw,0o600)
 trustFile(t,home,f)
 for _,s:=range []screen{iPhone,laptop}{
 b:=newBrowser(t,home,s)
 var v []string
 for _,p:=range []string{"","/iphone","/android","/mac","/windows","/linux"}{
 b.do(nil,"open","url",run.url+p)
 b.look(dir,s.Name+"-"+filepath.Base("x"+p))
 b.do(&v,"axe"); t.Log("axe",v)
 var n []int
 b.do(&n,"size"); t.Log(n)
 }
 b.do(nil,"click","text","Check this")
 b.look(dir,"check-yes"+s.Name)
 b.do(&v,"axe"); t.Log("axe",v)
 b.do(&v,"complaints"); t.Log("complaints",v)
 }
 b:=newBrowser(t,home,screen{"ff", "Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) FxiOS/145.0 Mobile/15E148 Safari/605.1.15",320,700,true,true})
 b.do(nil,"open","url",run.url)
 b.look(dir,"ff")
}
