<resource schema="img" resdir="img">
  <meta name="creationDate">2026-11-22T00:00:00Z</meta>
  <meta name="title">ESAP Test Images</meta>
  <meta name="description">Small synthetic FITS images of star fields.</meta>
  <meta name="subject">surveys</meta>
  <meta name="creator">Tester, T.</meta>
  <meta name="instrument">TESTCAM</meta>
  <meta name="facility">ESAP Test Telescope</meta>
  <meta name="type">Archive</meta>
  <meta name="coverage.waveband">Optical</meta>
  <table id="main" onDisk="True" mixin="//siap#pgs" adql="True">
    <meta name="_associatedDatalinkService">
      <meta name="serviceId">dl</meta>
      <meta name="idColumn">pub_did</meta>
    </meta>
    <mixin calibLevel="2" collectionName="'ESAPT'" targetName="object" expTime="exptime"
      targetClass="'Field'" >//obscore#publishSIAP</mixin>
    <column name="object" type="text" ucd="meta.id;src" tablehead="Object" description="Field name" verbLevel="1"/>
    <column name="exptime" unit="s" ucd="time.duration;obs.exposure" tablehead="T.Exp" description="Exposure time" verbLevel="5"/>
    <column name="pub_did" type="text" ucd="meta.ref.ivoid" tablehead="PubDID" description="Publisher dataset identifier" verbLevel="15"/>
  </table>
  <coverage><updater sourceTable="main" mocOrder="4"/></coverage>
  <data id="import">
    <sources pattern="data/*.fits"/>
    <fitsProdGrammar>
      <rowfilter procDef="//products#define"><bind key="table">"\schema.main"</bind></rowfilter>
    </fitsProdGrammar>
    <make table="main"><rowmaker>
      <apply procDef="//siap#setMeta">
        <bind key="dateObs">@DATE_OBS</bind>
        <bind key="bandpassId">@FILTER</bind>
        <bind key="pixflags">"C"</bind>
        <bind key="title">"ESAPT {} {} {}".format(@OBJECT, @FILTER, @DATE_OBS)</bind>
        <bind key="instrument">@INSTRUME</bind>
      </apply>
      <apply procDef="//siap#getBandFromFilter"/>
      <apply procDef="//siap#computePGS"/>
      <map key="object">@OBJECT</map>
      <map key="exptime">@EXPTIME</map>
      <map key="pub_did">\standardPubDID</map>
    </rowmaker></make>
  </data>
  <service id="i" allowed="form,siap.xml">
    <meta name="shortName">ESAPT SIA</meta>
    <meta name="sia.type">Pointed</meta>
    <meta name="testQuery.pos.ra">10</meta><meta name="testQuery.pos.dec">10</meta>
    <meta name="testQuery.size.ra">20</meta><meta name="testQuery.size.dec">20</meta>
    <publish render="siap.xml" sets="ivo_managed"/>
    <publish render="form" sets="local,ivo_managed"/>
    <dbCore queriedTable="main">
      <condDesc original="//siap#protoInput"/>
      <condDesc original="//siap#humanInput"/>
      <condDesc buildFrom="dateObs"/>
    </dbCore>
  </service>
  <service id="dl" allowed="dlget,dlmeta">
    <meta name="title">ESAPT image datalink</meta><meta name="shortName">ESAPT DL</meta>
    <meta name="description">Links, and SODA cutouts, for the ESAP test images.</meta>
    <publish render="dlmeta" sets="ivo_managed"/>
    <datalinkCore>
      <descriptorGenerator procDef="//soda#fits_genDesc">
        <bind key="accrefPrefix">'img/data'</bind>
      </descriptorGenerator>
      <FEED source="//soda#fits_standardDLFuncs"/>
    </datalinkCore>
  </service>
</resource>
